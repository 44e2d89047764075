package poll_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// what is what each backend tells of the same.
type what map[poll.Backend]poll.Events

// Of one state of a source, each backend tells what it can.
func tellsWhat(t *testing.T, conn syscall.Conn, wanted poll.Events, want what) {
	t.Helper()
	for _, backend := range poll.Backends() {
		set := only(t, backend)
		r, err := set.Add(conn, wanted, poll.Level)
		if backend == poll.Select && wanted&poll.PeerClosed != 0 {
			if !errors.Is(err, poll.ErrNotSupported) {
				t.Errorf("%s: %v", backend, err)
			}
			r = add(t, set, conn, wanted&^poll.PeerClosed, poll.Level)
			if err := r.Modify(wanted); !errors.Is(err, poll.ErrNotSupported) {
				t.Errorf("%s: %v", backend, err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		if got := tries(t, set); want[backend] == 0 && len(got) != 0 {
			t.Errorf("%s tells %v of nothing", backend, got)
		} else if want[backend] != 0 && (len(got) != 1 || got[0] != poll.Event{Registration: r, Ready: want[backend]}) {
			t.Errorf("%s tells %v, want %v", backend, got, want[backend])
		}
	}
}

func all(e poll.Events) what { return what{poll.Epoll: e, poll.Poll: e, poll.Select: e} }

func butSelect(e, ofSelect poll.Events) what {
	return what{poll.Epoll: e, poll.Poll: e, poll.Select: ofSelect}
}

func TestPipeEvents(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
		r, theirs := pipe(t)
		p := start(theirs)
		tellsWhat(t, r, poll.Readable, all(0))
		p.order(t, "write")
		tellsWhat(t, r, poll.Readable, all(poll.Readable))
		tellsWhat(t, r, poll.Priority, all(0))
		p.order(t, "close")
		tellsWhat(t, r, poll.Readable, butSelect(poll.Readable|poll.HangUp, poll.Readable))
		tellsWhat(t, r, 0, butSelect(poll.HangUp, 0)) // unasked
		read(t, r, 8)
		tellsWhat(t, r, poll.Readable, butSelect(poll.HangUp, poll.Readable))

		theirs, w := pipe(t)
		p = start(theirs)
		tellsWhat(t, w, poll.Writable, all(poll.Writable))
		p.order(t, "close")
		tellsWhat(t, w, poll.Writable, butSelect(poll.Writable|poll.Error, poll.Writable))
		tellsWhat(t, w, 0, butSelect(poll.Error, 0))
		tellsWhat(t, w, poll.Readable, butSelect(poll.Error, poll.Readable))
	})
}

// A pipe that is full is not writable, and is again when its reader has taken a page.
func TestWritable(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		room, err := unix.FcntlInt(uintptr(number(t, w)), unix.F_GETPIPE_SZ, 0)
		if err != nil {
			t.Fatal(err)
		}
		registration := add(t, set, w, poll.Writable, poll.Level)
		tells(t, set, poll.Event{Registration: registration, Ready: poll.Writable})
		write(t, w, string(make([]byte, room)))
		tells(t, set)
		waiting := waits(t, set)
		read(t, r, room)
		waiting.returns(t, poll.Event{Registration: registration, Ready: poll.Writable})
	})
}

func TestStreamEvents(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
			address := map[string]string{"tcp": "127.0.0.1:0", "unix": t.TempDir() + "/s"}[network]
			p := start(nil)
			conn := accepted(t, p, network, address).(syscall.Conn)
			tellsWhat(t, conn, poll.Readable|poll.Writable|poll.PeerClosed, all(poll.Writable))
			p.order(t, "shut")
			const ended = poll.Readable | poll.PeerClosed
			waitReadable(t, conn) // tcp may take a moment
			tellsWhat(t, conn, ended, butSelect(ended, poll.Readable))
			tellsWhat(t, conn, poll.PeerClosed, butSelect(poll.PeerClosed, 0))
			tellsWhat(t, conn, poll.Readable|poll.Writable, all(poll.Readable|poll.Writable))
		})
	}
}

func waitReadable(t *testing.T, conn syscall.Conn) {
	t.Helper()
	set := only(t, poll.Poll)
	add(t, set, conn, poll.Readable, poll.Level)
	if n, err := set.Wait(soon(t), make([]poll.Event, 1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestUnixHangUp(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
		mine, theirs := pair(t, unix.SOCK_STREAM)
		p := start(theirs)
		p.order(t, "close")
		const gone = poll.Readable | poll.Writable | poll.HangUp
		tellsWhat(t, mine, poll.Readable|poll.Writable, butSelect(gone, gone&^poll.HangUp))
		tellsWhat(t, mine, 0, butSelect(poll.HangUp, 0))
	})
}

// Urgent data of TCP is a priority, and nothing to read.
func TestPriority(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
		p := start(nil)
		conn := accepted(t, p, "tcp", "127.0.0.1:0").(syscall.Conn)
		sets := map[*poll.Set]*poll.Registration{}
		var waiters []*waiter
		for _, backend := range poll.Backends() {
			set := only(t, backend)
			sets[set] = add(t, set, conn, poll.Priority|poll.Readable, poll.Level)
			waiters = append(waiters, waits(t, set))
		}
		p.order(t, "urgent")
		for _, w := range waiters {
			if err := w.Wait(); err != nil || len(w.events) != 1 || w.events[0].Ready != poll.Priority {
				t.Errorf("it returned %v, %v", w.events, err)
			}
		}
		p.order(t, "write")
		waitReadable(t, conn)
		tellsWhat(t, conn, poll.Priority, all(poll.Priority))
	})
}

func TestTerminalHangsUp(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
		keys, screen := terminal(t)
		p := start(screen)
		tellsWhat(t, keys, poll.Readable, all(0))
		p.Kill()
		tellsWhat(t, keys, poll.Readable, butSelect(poll.HangUp, poll.Readable))
	})
}

func TestEventsSayTheirNames(t *testing.T) {
	for events, want := range map[poll.Events]string{
		0:                             "nothing",
		poll.Readable | poll.HangUp:   "readable|hang-up",
		poll.Writable | poll.Error:    "writable|error",
		poll.Priority | poll.Closed:   "priority|closed",
		poll.PeerClosed | 1<<30:       "peer closed",
		poll.Readable | poll.Closed:   "readable|closed",
		poll.Events(unix.EPOLLRDNORM): "nothing",
	} {
		if got := events.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestBackendsHaveNames(t *testing.T) {
	for i, backend := range poll.Backends() {
		text, err := backend.MarshalText()
		var back poll.Backend = -1
		if err != nil || back.UnmarshalText(text) != nil || back != backend || int(backend) != i {
			t.Errorf("%s is %v, %v", text, back, err)
		}
	}
	var none poll.Backend
	if err := none.UnmarshalText([]byte("kqueue")); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	if name := poll.Backend(7).String(); name != "unknown backend" {
		t.Error(name)
	}
	if _, err := poll.New(7); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
}
