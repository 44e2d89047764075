package poll_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/poll"
)

// A FIFO hangs up at its last writer, and says so again and again, until one opens it.
func TestFIFOHangsUp(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
		path := filepath.Join(t.TempDir(), "fifo")
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		r, p := file(t, path, fd, err), start(nil)
		tellsWhat(t, r, poll.Readable, all(0)) // no writer yet is no hang-up
		p.order(t, "open %s", path)
		p.order(t, "close")
		for range 2 {
			tellsWhat(t, r, poll.Readable, butSelect(poll.HangUp, poll.Readable))
		}
		p.order(t, "open %s", path)
		tellsWhat(t, r, poll.Readable, all(0))
	})
}

// A pidfd is readable when its process has ended, reaped or not.
func TestProcessEnds(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
		p := start(nil)
		fd, err := unix.PidfdOpen(p.Cmd.Process.Pid, unix.PIDFD_NONBLOCK)
		pidfd := file(t, "pidfd", fd, err)
		tellsWhat(t, pidfd, poll.Readable, all(0))
		set := only(t, poll.Epoll)
		registration := add(t, set, pidfd, poll.Readable, poll.Level)
		waiting := waits(t, set)
		if err := p.Say("exit"); err != nil {
			t.Fatal(err)
		}
		waiting.returns(t, poll.Event{Registration: registration, Ready: poll.Readable})
		if err := p.Wait(); err != nil { // reaps it
			t.Fatal(err)
		}
		if got := tries(t, set); len(got) != 1 || got[0].Ready&poll.Readable == 0 {
			t.Errorf("%v", got)
		}
	})
}

// An inotify instance that is not read in time says that it has lost events.
func TestInotifyOverflows(t *testing.T) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	source, directory := file(t, "inotify", fd, err), t.TempDir()
	if _, err := unix.InotifyAddWatch(fd, directory, unix.IN_CREATE|unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Fatal(err)
	}
	for range atoi(t, string(text))/2 + 1 {
		path := filepath.Join(directory, "x")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	tellsWhat(t, source, poll.Readable, all(poll.Readable))
	if !overflowed(t, source) {
		t.Error("it lost nothing")
	}
}

// overflowed reads all that is there.
func overflowed(t *testing.T, source *os.File) (lost bool) {
	t.Helper()
	set := only(t, poll.Epoll)
	add(t, set, source, poll.Readable, poll.Level)
	records := make([]byte, 1<<16)
	for len(tries(t, set)) > 0 {
		n, err := source.Read(records)
		if err != nil {
			t.Fatal(err)
		}
		for rest := records[:n]; len(rest) > 0; {
			mask, name := binary.NativeEndian.Uint32(rest[4:]), binary.NativeEndian.Uint32(rest[12:])
			lost = lost || mask&unix.IN_Q_OVERFLOW != 0
			rest = rest[unix.SizeofInotifyEvent+name:]
		}
	}
	return lost
}

// The timer of a Wait that ended otherwise comes later, and is nobody's event.
func TestTimerStaysBehind(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		waiting := kithtest.Go(func() error { _, err := set.Wait(ctx, make([]poll.Event, 1)); return err })
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		_ = waiting.Wait()
		<-ctx.Done()
		tells(t, set)
		again := waits(t, set)
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		again.returns(t)
	})
}
