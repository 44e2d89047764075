//go:build amd64 && !race

package wait

import (
	"sync/atomic"

	"kith/internal/sys"
)

// A flag is set and cleared by one goroutine, and read by others after
// sys.Barrier, which makes up for the fence that setting it leaves out. On amd64
// a plain store is a release, and the compiler keeps stores in their order with
// calls and atomics; sync/atomic's would be an XCHG each.
type flag struct{ value uint32 }

// fenced is for kernels without the barrier.
var fenced = !sys.HaveBarrier()

func (f *flag) isSet() bool { return atomic.LoadUint32(&f.value) != 0 }

func (f *flag) set() {
	if fenced {
		atomic.StoreUint32(&f.value, 1)
	} else {
		f.value = 1
	}
}

func (f *flag) clear() {
	if fenced {
		atomic.StoreUint32(&f.value, 0)
	} else {
		f.value = 0
	}
}
