#include "textflag.h"

// func StoreRelease(p *uint64, value uint64)
// On amd64 every plain store is a release; sync/atomic would use XCHG, which is
// a full fence and five times as dear.
TEXT ·StoreRelease(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ value+8(FP), BX
	MOVQ BX, (AX)
	RET
