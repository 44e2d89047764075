package poll_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/poll"
)

// crowd: sets of poll and select hold a thread each while they wait, of which there
// are as many as sys.Block lets be: here, half of 40.
func crowd() error {
	if err := setLimit(unix.RLIMIT_NPROC, 40); err != nil {
		return err
	}
	backends := []poll.Backend{poll.Poll, poll.Select}
	var sets []*poll.Set
	var calls []*kithtest.Call
	for i := range 20 {
		set, err := poll.New(backends[i%2])
		if err != nil {
			return err
		}
		sets = append(sets, set)
		calls = append(calls, kithtest.Go(func() error {
			_, err := set.Wait(context.Background(), make([]poll.Event, 1))
			return err
		}))
	}
	errs := []error{kithtest.Parked(calls...)}
	for _, backend := range poll.Backends() {
		errs = append(errs, oneMore(backend))
	}
	for i, set := range sets {
		errs = append(errs, set.Wake(), calls[i].Wait(), set.Close())
	}
	return errors.Join(errs...)
}

// oneMore is refused, but for an epoll.
func oneMore(backend poll.Backend) error {
	set, err := poll.New(backend)
	if err != nil {
		return err
	}
	defer set.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close() // or it is closed when it is forgotten
	_, err = set.Add(r, poll.Readable, poll.Level)
	events := make([]poll.Event, 1)
	if backend == poll.Epoll {
		call := kithtest.Go(func() error { _, err := set.Wait(context.Background(), events); return err })
		return errors.Join(err, call.Parked(), set.Wake(), call.Wait())
	}
	_, refused := set.Wait(context.Background(), events)
	_, written := w.WriteString("x")
	n, ready := set.Wait(context.Background(), events) // needs no thread
	if n != 1 {
		ready = errors.Join(ready, fmt.Errorf("%d events", n))
	}
	return errors.Join(err, isLimit(refused, ipc.ErrTooManyWaiting, "threads that wait in the kernel"), written, ready)
}
