package sem

import (
	"encoding/binary"
	"math"
)

// The layout of glibc's sem_t on machines of 64 bits (struct new_sem in
// nptl/semaphoreP.h), in the machine's byte order:
//
//	 0         4         8         12                            32
//	| value   | waiters | private | unused                       |
//	|     data, u64     |   i32   |                              |
//
// The low half of data is the value: how often Wait succeeds without a Post. The
// high half is how many are waiting, or died waiting. Both change together, by
// one atomic operation on the u64. Who waits, waits by futex(2) for the u32 of the
// value, while that is 0. Private is 0x80 where processes share the semaphore;
// with 0, wake-ups would not leave the process.
const (
	// Size is how many bytes a semaphore takes.
	Size = 32
	// MaxValue is the largest value (SEM_VALUE_MAX).
	MaxValue = math.MaxInt32

	offsetData    = 0
	offsetPrivate = 8

	shared    = 0x80
	valueMask = 1<<32 - 1
	oneWaiter = 1 << 32
)

// offsetValue is where the low half of data is: behind the high one where the
// machine is big-endian.
var offsetValue = offsetData + int(binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, 4))&4)

func valueOf(data uint64) int   { return int(data & valueMask) }
func waitersOf(data uint64) int { return int(data >> 32) }
