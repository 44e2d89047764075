package compare

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// cacheLineTime bounds one measurement, and bounceBatch is how many round
// trips are timed at once.
const (
	cacheLineTime = 20 * time.Millisecond
	bounceBatch   = 1000
)

// stop ends the bouncing. It is even, so it is no ball.
const stop = ^uint64(0) - 1

// CacheLine measures what no transport can beat: one cache line going from one
// CPU to the other and back, between two threads that do nothing else. It
// returns the median in nanoseconds, or 0 where both would share one CPU.
func CacheLine(p Placement) (float64, error) {
	if p.Alone() || runtime.GOMAXPROCS(0) < 2 {
		return 0, nil
	}
	var line struct {
		_    [64]byte
		word atomic.Uint64
		_    [64]byte
	}
	var times []float64
	back := onCPU(p.Follower, func() { giveBack(&line.word) })
	err := <-onCPU(p.Leader, func() { times = bounce(&line.word) })
	line.word.Store(stop)
	if errBack := <-back; err == nil {
		err = errBack
	}
	if err != nil {
		return 0, err
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// bounce stores odd numbers and waits for the even ones that follow them.
func bounce(word *atomic.Uint64) (times []float64) {
	ball := uint64(1)
	for began := time.Now(); time.Since(began) < cacheLineTime; {
		start := time.Now()
		for range bounceBatch {
			word.Store(ball)
			for word.Load() == ball {
			}
			ball += 2
		}
		times = append(times, float64(time.Since(start))/bounceBatch)
	}
	return times
}

func giveBack(word *atomic.Uint64) {
	for {
		ball := word.Load()
		if ball == stop {
			return
		}
		if ball%2 == 1 {
			word.Store(ball + 1)
		}
	}
}

// onCPU runs work on a thread of its own, pinned to cpu. The goroutine ends
// with its thread locked, so the thread ends too and its mask goes with it.
func onCPU(cpu int, work func()) <-chan error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := pinThread(0, cpu)
		work() // unpinned too, for the other side waits for this one
		done <- err
	}()
	return done
}
