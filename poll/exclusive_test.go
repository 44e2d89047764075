package poll_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/poll"
)

// exclusive, a child, waits for descriptor 3 in a fresh set each time it is told to, and
// says how many events it got when it is told to wake. It may add the source when it
// waits already.
func exclusive(args []string) error {
	mode := poll.Exclusive
	if args[0] == "level" {
		mode = poll.Level
	}
	source := os.NewFile(3, "source")
	for {
		if err := waitForOrders(source, mode, args[0] == "late"); err != nil {
			return err
		}
	}
}

func waitForOrders(source *os.File, mode poll.Mode, late bool) error {
	set, err := poll.New(poll.Epoll)
	if err != nil {
		return err
	}
	defer set.Close()
	if !late {
		_, err = set.Add(source, poll.Readable, mode)
	}
	kithtest.Hear()
	n := 0
	call := kithtest.Go(func() (err error) {
		n, err = set.Wait(context.Background(), make([]poll.Event, 4))
		return err
	})
	err = errors.Join(err, call.Parked())
	if late {
		_, added := set.Add(source, poll.Readable, mode)
		err = errors.Join(err, added, call.Parked())
	}
	kithtest.Say("waits")
	kithtest.Hear()
	err = errors.Join(err, set.Wake(), call.Wait())
	kithtest.Say(strconv.Itoa(n))
	return err
}

// One event of a source for which several processes wait wakes not all of them with
// Exclusive, and all without. What woke is counted when all were told to return, so nothing is
// left to chance but whether they were in the kernel yet.
func TestExclusive(t *testing.T) {
	const processes, rounds = 6, 20
	for _, mode := range []string{"exclusive", "late", "level"} {
		t.Run(mode, func(t *testing.T) {
			source := eventfd(t)
			var children []*kithtest.Child
			for range processes {
				child := kithtest.Command(t, "exclusive", mode)
				child.Cmd.ExtraFiles = []*os.File{source}
				children = append(children, child.Start())
			}
			fewest := processes
			for round := 0; round < rounds && fewest == processes; round++ {
				woken := wakeSome(t, source, children)
				if woken == 0 || mode == "level" && woken != processes {
					t.Fatalf("%d were woken", woken)
				}
				fewest = min(fewest, woken)
			}
			if mode != "level" && fewest == processes {
				t.Errorf("all were woken, always")
			}
		})
	}
}

func wakeSome(t *testing.T, source *os.File, children []*kithtest.Child) (woken int) {
	t.Helper()
	orderAll(t, children, "wait")
	if _, err := source.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	for _, said := range orderAll(t, children, "wake") {
		if said != "0" {
			woken++
		}
	}
	read(t, source, 8)
	return woken
}

func orderAll(t *testing.T, children []*kithtest.Child, order string) (said []string) {
	t.Helper()
	for _, child := range children {
		if err := child.Say(order); err != nil {
			t.Fatal(err)
		}
	}
	for _, child := range children {
		line, err := child.Hear()
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, line)
	}
	return said
}

// An exclusive registration that comes while others wait makes them wait in a thread;
// it cannot be modified, and goes with few events.
func TestExclusiveUnderWaiters(t *testing.T) {
	set := only(t, poll.Epoll)
	r, w := pipe(t)
	other, _ := pipe(t)
	add(t, set, other, poll.Readable, poll.Level)
	waiting := waits(t, set)
	registration := add(t, set, r, poll.Readable, poll.Exclusive)
	if err := waiting.Parked(); err != nil {
		t.Fatal(err)
	}
	write(t, w, "x")
	waiting.returns(t, poll.Event{Registration: registration, Ready: poll.Readable})
	if err := registration.Modify(poll.Readable); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	read(t, r, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	waiting = waitsFor(ctx, t, set)
	cancel(errCause)
	if err := waiting.Wait(); !errors.Is(err, errCause) {
		t.Error(err)
	}
	registration.Remove()
	for want, mode := range map[poll.Events]poll.Mode{poll.Priority: poll.Exclusive, poll.PeerClosed: poll.Exclusive, poll.Readable: poll.Exclusive | poll.OneShot} {
		if _, err := set.Add(r, want, mode); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%v: %v", want, err)
		}
	}
}

var errCause = errors.New("the cause")
