package poll_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// haunt makes a set with a file that was closed while a duplicate is open, and another
// that is ready when the writer writes.
func haunt() (set *poll.Set, writer *os.File, err error) {
	set, err = poll.New(poll.Epoll)
	if err != nil {
		return nil, nil, err
	}
	closed, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	raw, err := closed.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	_ = raw.Control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	stale, added := set.Add(closed, poll.Readable, poll.Level)
	_, written := w.WriteString("boo")
	if err = errors.Join(err, added, written, closed.Close()); err != nil {
		return nil, nil, err
	}
	stale.Remove()
	r, writer, err := os.Pipe()
	if err == nil {
		_, err = set.Add(r, poll.Readable, poll.Level)
	}
	return set, writer, err
}

// recovers sees that the limit is said while it is met, and no longer.
func recovers(set *poll.Set, writer *os.File, errno error, name string, free func()) error {
	events := make([]poll.Event, 4)
	_, waited := set.Wait(context.Background(), events)
	_, tried := set.TryWait(events)
	_, written := writer.WriteString("x")
	n, ready := set.TryWait(events) // what is there is given, all the same
	free()
	after, freed := set.Wait(context.Background(), events)
	if n != 1 || after != 1 {
		ready = errors.Join(ready, fmt.Errorf("%d and %d events", n, after))
	}
	return errors.Join(isLimit(waited, errno, name), isLimit(tried, errno, name), written, ready, freed, set.Close())
}

func renewWithout() error {
	set, writer, err := haunt()
	if err != nil {
		return err
	}
	free, _ := fill(100)
	return recovers(set, writer, unix.EMFILE, "RLIMIT_NOFILE", free)
}
