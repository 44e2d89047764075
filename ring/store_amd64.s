//go:build !race

#include "textflag.h"

// func want(p *uint64)
TEXT ·want(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	BYTE $0x0f; BYTE $0x0d; BYTE $0x88; LONG $0x100  // PREFETCHW 256(AX)
	BYTE $0x0f; BYTE $0x0d; BYTE $0x88; LONG $0x140  // PREFETCHW 320(AX)
	RET
