#include "textflag.h"

// func publish(p *uint64, value uint64)
// The lines that come next are in the reader's cache: asking for them now, to
// write, hides a good part of the time that it takes to get them.
TEXT ·publish(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ value+8(FP), BX
	MOVQ BX, (AX)
	BYTE $0x0f; BYTE $0x0d; BYTE $0x88; LONG $0x80  // PREFETCHW 128(AX)
	BYTE $0x0f; BYTE $0x0d; BYTE $0x88; LONG $0xc0  // PREFETCHW 192(AX)
	RET
