package sem

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"kith/internal/sys"
)

// wait takes one as glibc does: it counts as a waiter, so that a Post wakes it,
// until it took one or gave up.
//
// No wake-up is lost to one who gives up. A wake-up is one more of the value, and
// the call of one waiter that returns. If the call was interrupted, it was not
// this one's, and the next Post wakes another. If it was, take looks at the value
// whatever the context says: either it takes it, or another did.
func (s *Semaphore) wait(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.open, func() { cancel(os.ErrClosed) })()
	if err := s.count(oneWaiter); err != nil {
		return err
	}
	err := sys.Block(ctx, s.takeWaiting, nil)
	if err != nil {
		_ = s.count(-oneWaiter)
		return err
	}
	acquire()
	return nil
}

// count changes the number of waiters.
func (s *Semaphore) count(change int64) (err error) {
	defer s.leave(debug.SetPanicOnFault(true), &err)
	s.data.Add(uint64(change))
	return nil
}

// takeWaiting waits until there is one, takes it, and is no longer a waiter, both
// at once. An error is EINTR, or that the memory is gone.
func (s *Semaphore) takeWaiting() (err error) {
	defer s.leave(debug.SetPanicOnFault(true), &err)
	for {
		data := s.data.Load()
		if valueOf(data) == 0 {
			if err := sys.FutexWait(s.word, 0, relook); err != nil {
				return err
			}
		} else if s.data.CompareAndSwap(data, data-1-oneWaiter) {
			return nil
		}
	}
}

// relook is how long a waiter sleeps before it looks by itself. A process that is
// killed after it was woken, and before it took what it was woken for, takes the
// wake-up with it: glibc's waiters sleep on then, beside a value above 0. Tests change it.
var relook = time.Second
