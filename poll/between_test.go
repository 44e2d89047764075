package poll

import (
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// What changes between the kernel's answer and its becoming events, as it can where one
// goroutine waits and another changes: nothing comes of what was.
func TestBetweenAnswerAndEvents(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, r *Registration){
		"remove": func(_ *testing.T, r *Registration) { r.Remove() },
		"modify": func(t *testing.T, r *Registration) {
			if err := r.Modify(Readable); err != nil {
				t.Fatal(err)
			}
		},
		"close": func(_ *testing.T, r *Registration) { _ = r.Source().(*os.File).Close() },
		"remove and add": func(t *testing.T, r *Registration) {
			r.Remove()
			if _, err := r.set.Add(r.Source(), Readable, OneShot); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, backend := range Backends() {
			t.Run(name+" "+backend.String(), func(t *testing.T) { changeBetween(t, backend, change) })
		}
	}
}

func changeBetween(t *testing.T, backend Backend, change func(t *testing.T, r *Registration)) {
	set, err := New(backend)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	mine, theirs := connected(t)
	r, err := set.Add(mine, Writable, OneShot)
	if err != nil {
		t.Fatal(err)
	}
	events := make([]Event, 4)
	set.mu.Lock()
	set.turn.take()
	set.backend.prepare(len(events), false)
	set.mu.Unlock()
	if err := set.backend.wait(context.Background(), false); err != nil {
		t.Fatal(err)
	}
	change(t, r)
	set.mu.Lock()
	n, _, err := set.backend.collect(events)
	set.turn.pass()
	set.mu.Unlock()
	if n > 1 || n == 1 && events[0] != (Event{r, Closed}) || err != nil {
		t.Errorf("it was told of %v, %v", events[:n], err)
	}
	if n, err := set.TryWait(events); n > 1 || n == 1 && events[0].Ready != Closed || err != nil {
		t.Errorf("there are %v, %v", events[:n], err)
	}
	if _, err := theirs.WriteString("x"); err != nil {
		return // it was closed
	}
	if n, err := set.TryWait(events); n == 1 && events[0].Ready != Readable || err != nil {
		t.Errorf("there are %v, %v", events[:n], err)
	} else if n == 0 && r.live && r.open() {
		t.Error("it was lost")
	}
}

func connected(t *testing.T) (mine, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	mine, theirs = os.NewFile(uintptr(fds[0]), "mine"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { _, _ = mine.Close(), theirs.Close() })
	return mine, theirs
}

// Who is handed the turn in the moment in which its context ends hands it on.
func TestTurnIsHandedOn(t *testing.T) {
	set, err := New(Epoll)
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for range 1000 {
		set.mu.Lock()
		if !set.turn.take() {
			t.Fatal("it is held")
		}
		set.mu.Unlock()
		entered := make(chan error, 1)
		go func() {
			set.mu.Lock()
			defer set.mu.Unlock()
			ours, err := set.enter(ended, true) // either may be seen first
			if ours {
				set.turn.pass()
			}
			entered <- err
		}()
		set.mu.Lock()
		set.turn.pass()
		set.mu.Unlock()
		if err := <-entered; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if set.turn.queued != 0 || len(set.turn.handed) != 0 || set.turn.held {
		t.Errorf("%+v", set.turn)
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
}

// The kernel is not shown what would not be told: who waits would go round and round.
func TestSpentIsNotShown(t *testing.T) {
	for _, backend := range []Backend{Poll, Select} {
		set, err := New(backend)
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		mine, _ := connected(t)
		r, err := set.Add(mine, Writable, OneShot)
		if err != nil {
			t.Fatal(err)
		}
		shown := func() int {
			if p, is := set.backend.(*ppoll); is {
				return len(p.shown)
			}
			return len(set.backend.(*pselect).shown)
		}
		events := make([]Event, 2)
		for _, want := range []int{1, 0} {
			n, err := set.TryWait(events)
			if n != want || shown() != want || err != nil {
				t.Errorf("%s: %d events, %d shown, %v", backend, n, shown(), err)
			}
		}
		if err := r.Modify(Readable); err != nil {
			t.Error(err)
		}
		if n, err := set.TryWait(events); n != 0 || shown() != 1 || err != nil {
			t.Errorf("%s: %d events, %d shown, %v", backend, n, shown(), err)
		}
	}
}

// A number that was closed hides what else is ready from select: it is asked again.
func TestRefusedIsAskedAgain(t *testing.T) {
	set, err := New(Select)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	mine, theirs := connected(t)
	gone, err := set.Add(mine, Writable, Level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Add(theirs, Readable, Level); err != nil {
		t.Fatal(err)
	}
	set.backend.prepare(1, false)
	gone.Remove()
	if err := mine.Close(); err != nil {
		t.Fatal(err)
	}
	if err := set.backend.wait(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if n, again, err := set.backend.collect(make([]Event, 1)); n != 0 || !again || err != nil {
		t.Error(n, again, err)
	}
	if n, err := set.TryWait(make([]Event, 1)); n != 1 || err != nil {
		t.Error(n, err)
	}
}
