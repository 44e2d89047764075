package sys_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ring"
)

func TestHaveBarrierIsWhatTheKernelSays(t *testing.T) {
	const registerGlobalExpedited = 1 << 2
	commands, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, 0, 0, 0)
	want := errno == 0 && commands&registerGlobalExpedited != 0
	if got := sys.HaveBarrier(); got != want {
		t.Errorf("HaveBarrier is %v; membarrier(2) has commands %#x, %v", got, commands, errno)
	}
}

// Two sides store, then look at what the other stores. One has a plain store
// and no fence; the Barrier of the other must do for both, or both can miss.
func TestBarrierFencesBoth(t *testing.T) {
	if !sys.HaveBarrier() {
		t.Log("this kernel has no membarrier(2): every store is a fence then")
		return
	}
	if missed := litmus(t, sys.Barrier); missed > 0 {
		t.Errorf("with Barrier, both looks came before both stores %d times", missed)
	}
	t.Logf("without Barrier, they did %d times (0 proves nothing: one processor, or a quiet one)", litmus(t, func() {}))
}

const rounds = 20_000

// litmus counts the rounds in which neither side saw the other's store. The
// plain store is the one that publishes a record in a ring.
func litmus(t *testing.T, fence func()) (missed int) {
	memory := mapped(t, memfd(t), true)
	segment := ring.NewSegment(memory, size)
	producer, consumer := ring.NewProducer(segment, segment, false), ring.NewConsumer(segment, segment)
	var word atomic.Uint64
	var sawRecord, sawWord [rounds]bool
	var meet meeting
	var sides sync.WaitGroup
	sides.Go(func() {
		for n := range uint64(rounds) {
			meet.wait(0, n+1)
			if written, err := producer.Write(ring.Message, nil); !written || err != nil {
				t.Error(written, err)
			}
			sawWord[n] = word.Load() == n+1
		}
	})
	sides.Go(func() {
		for n := range uint64(rounds) {
			meet.wait(1, n+1)
			word.Store(n + 1)
			fence()
			sawRecord[n] = consumer.Word().Load() != 0
			for consumer.Word().Load() == 0 {
				sys.Pause()
			}
			consumer.Advance(0)
		}
	})
	sides.Wait()
	for n := range rounds {
		if !sawRecord[n] && !sawWord[n] {
			missed++
		}
	}
	return missed
}

// A meeting lets two goroutines go on at the same moment.
type meeting struct{ at [2]atomic.Uint64 }

func (m *meeting) wait(side int, n uint64) {
	m.at[side].Store(n)
	for turn := 1; m.at[1-side].Load() < n; turn++ {
		if turn%1000 == 0 {
			runtime.Gosched()
		}
		sys.Pause()
	}
}
