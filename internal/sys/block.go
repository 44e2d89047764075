package sys

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Block makes a system call that may wait in the kernel, where the netpoller
// cannot wait for it: a lock, a semaphore, a futex. The call runs in a thread of
// its own, and is made again when a signal interrupts it. When ctx ends first,
// the thread is interrupted, and the error is the cause of ctx's end. A call that
// was won in the same moment counts: then Block returns nil all the same.
//
// There is a limit to such threads, an ipc.LimitError with ErrTooManyWaiting.
//
// Where the kernel does not let go of the thread, as on a file system whose
// server is silent, Block returns after a second without it: the error matches
// ErrLeft too, and undo is called if the call is won after all. Without undo,
// Block waits.
func Block(ctx context.Context, call func() error, undo func()) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := waiters.enter(); err != nil {
		return err
	}
	w := &wait{ended: make(chan struct{})}
	go w.run(ctx, call)
	select {
	case <-w.ended:
		return w.err
	case <-ctx.Done():
		return w.cancel(ctx, undo)
	}
}

// A wait is one thread that waits in the kernel.
type wait struct {
	ended chan struct{} // closed when err is the call's

	mu          sync.Mutex
	thread      int // 0: not in the call
	interrupted bool
	err         error
}

// run makes the call, and ends with its thread still locked, which ends the
// thread: the runtime would keep it for ever, and one that was interrupted may
// still have a signal before it, which nobody else is to meet. A few are kept.
func (w *wait) run(ctx context.Context, call func() error) {
	defer close(w.ended)
	if w.err = waiters.crowded(); w.err != nil {
		waiters.leave()
		return
	}
	runtime.LockOSThread()
	unmask()
	w.call(ctx, call)
	interrupted := w.enter(0)
	if others := waiters.leave(); !interrupted && others < kept {
		runtime.UnlockOSThread()
	}
}

// call makes the call until no other signal interrupts it.
func (w *wait) call(ctx context.Context, call func() error) {
	w.enter(unix.Gettid())
	for w.err = call(); errors.Is(w.err, unix.EINTR); w.err = call() {
		if ctx.Err() != nil {
			w.err = context.Cause(ctx)
			return
		}
	}
}

// enter notes which thread is in the call, and returns whether it was interrupted.
func (w *wait) enter(thread int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.thread = thread
	return w.interrupted
}

// cancel interrupts the thread until the call has returned.
func (w *wait) cancel(ctx context.Context, undo func()) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.interrupt()
	}()
	if undo == nil {
		<-ended
		return w.err
	}
	select {
	case <-ended:
		return w.err
	case <-time.After(patience):
	}
	go func() {
		<-ended
		if w.err == nil {
			undo()
		}
	}()
	return fmt.Errorf("%w (%w)", context.Cause(ctx), ErrLeft)
}

// ErrLeft is a call that is still under way in the kernel, though ctx ended.
var ErrLeft = errors.New("the kernel has not let go of the call yet")

// interrupt sends the signal again and again, as the thread may be on its way
// into the call.
func (w *wait) interrupt() {
	install()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		w.kick()
		select {
		case <-w.ended:
			return
		case <-time.After(pause):
		}
	}
}

// kick interrupts the thread if it is in the call. Under the lock it cannot
// leave the call meanwhile and be hit in another.
func (w *wait) kick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.thread != 0 {
		w.interrupted = true
		_ = unix.Tgkill(unix.Getpid(), w.thread, Interrupt)
	}
}

const (
	firstPause = 50 * time.Microsecond
	lastPause  = 10 * time.Millisecond
	patience   = time.Second

	kept = 8 // threads that stay with the runtime after a wait
)
