package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/fifo"
	"kith/internal/kithtest"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{
		"restarts": restart,
		"echoes":   echoTillKilled,
		"dials":    dialAndWait,
		"talks":    talkTillTold,
	})
}

// path is where the name of an address is.
func path(addr string) string { return strings.TrimPrefix(addr, "fifo:") }

// listening listens as soon as the name is free: another is taking it and giving
// it back.
func listening(ctx context.Context, addr string) (*kith.Listener, error) {
	for {
		listener, err := kith.Listen(ctx, addr)
		if !errors.Is(err, unix.EADDRINUSE) {
			return listener, err
		}
	}
}

// restart, in a child, listens and closes, over and over.
func restart(args []string) error {
	kithtest.Say("restarting")
	for {
		listener, err := listening(context.Background(), args[0])
		if err == nil {
			err = listener.Close()
		}
		if err != nil {
			return err
		}
	}
}

// A Close takes nothing from the one who listens at the name next.
func TestFIFOCloseBesideListen(t *testing.T) {
	addr := named(t, "fifo")
	child := kithtest.Command(t, "restarts", addr).Start()
	if heard, err := child.Hear(); heard != "restarting" {
		t.Fatal(heard, err)
	}
	for range 300 {
		listener, err := listening(t.Context(), addr)
		if err != nil {
			t.Fatal(err)
		}
		honest(t, listener)
		if err := listener.Close(); err != nil || t.Failed() {
			t.Fatal(err)
		}
	}
	child.Kill()
	listener, err := kith.Listen(t.Context(), addr) // takes over what the dead one may have left
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path(addr))); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// talkTillTold, in a child, has several who dial at once, and says how often each
// word came back, or what went wrong. A listener may go before it answers.
func talkTillTold(args []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	var talking sync.WaitGroup
	var failed [4]error
	for i := range failed {
		talking.Go(func() {
			answers := 0
			for ctx.Err() == nil && failed[i] == nil {
				var answered bool
				if answered, failed[i] = ask(args[0], fmt.Sprint("dialer ", i, " asks ", answers)); answered {
					answers++
				}
			}
			if answers == 0 {
				failed[i] = errors.Join(failed[i], errors.New("nobody ever answered"))
			}
		})
	}
	kithtest.Say("talking")
	kithtest.Hear()
	cancel()
	talking.Wait()
	return errors.Join(failed[:]...)
}

// ask has a word echoed, if somebody listens and does not leave.
func ask(addr, word string) (answered bool, err error) {
	ctx := context.Background()
	conn, err := kith.Dial(ctx, addr)
	if errors.Is(err, kith.ErrNoListener) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer conn.Close()
	_ = conn.Send(ctx, []byte(word)) // Receive tells
	msg, err := conn.Receive(ctx)
	switch {
	case errors.Is(err, io.EOF):
		return false, nil
	case err == nil && string(msg) != word:
		err = fmt.Errorf("%q came back for %q", msg, word)
	}
	return err == nil, err
}

// Dialers who come while the FIFOs are replaced, or while one listener follows
// another, meet a listener or nobody: never half of one pair and half of another.
func TestFIFORotation(t *testing.T) {
	addr := named(t, "fifo")
	child := kithtest.Command(t, "talks", addr).Start()
	if heard, err := child.Hear(); heard != "talking" {
		t.Fatal(heard, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-child.Ended(); cancel(errors.New("the dialers have ended")) }()
	for range 100 {
		listener, err := kith.Listen(ctx, addr)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if err := echoOne(ctx, listener); err != nil {
				t.Fatal(err)
			}
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
	}
	serving := serve(t, addr) // so that nobody is left without an answer
	if err := errors.Join(child.Say("enough"), child.Wait(), serving.Close()); err != nil {
		t.Error(err)
	}
}

// echoOne accepts one, and sends its messages back until it has gone.
func echoOne(ctx context.Context, listener *kith.Listener) error {
	conn, err := listener.Accept(ctx)
	if err != nil {
		return err
	}
	for msg, err := range conn.Messages(ctx) {
		if err != nil {
			break // it was killed
		}
		_ = conn.Send(ctx, msg)
	}
	return conn.Close()
}

func echoAll(listener *kith.Listener) error {
	for {
		if err := echoOne(context.Background(), listener); err != nil {
			return err
		}
	}
}

// serve echoes until the listener is closed.
func serve(t *testing.T, addr string) *kith.Listener {
	t.Helper()
	listener, err := kith.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	serving := kithtest.Go(func() error { return echoAll(listener) })
	t.Cleanup(func() {
		_ = listener.Close()
		if err := serving.Wait(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return listener
}

// echoTillKilled, in a child, listens and echoes.
func echoTillKilled(args []string) error {
	listener, err := kith.Listen(context.Background(), args[0])
	if err != nil {
		return err
	}
	kithtest.Say("listening")
	return echoAll(listener)
}

// dialAndWait, in a child, dials one who does not answer: it has the turn, and has
// said its hello.
func dialAndWait(args []string) error {
	call := kithtest.Go(func() error { _, err := kith.Dial(context.Background(), args[0]); return err })
	if err := call.Parked(); err != nil {
		return err
	}
	kithtest.Say("waiting")
	return call.Wait()
}

// A dialer that is killed behind its hello is answered by nobody's: whoever waits
// for its turn, or comes later, is served as ever.
func TestFIFODialerKilledBehindItsHello(t *testing.T) {
	addr := named(t, "fifo")
	listens := kithtest.Command(t, "echoes", addr).Start()
	if heard, err := listens.Hear(); heard != "listening" {
		t.Fatal(heard, err)
	}
	for _, waitsBefore := range []bool{true, false, true, false} {
		if err := listens.Stop(); err != nil {
			t.Fatal(err)
		}
		dialer := kithtest.Command(t, "dials", addr).Start()
		if heard, err := dialer.Hear(); heard != "waiting" {
			t.Fatal(heard, err)
		}
		if !waitsBefore {
			dialer.Kill()
		}
		asking := kithtest.Go(func() error {
			if answered, err := ask(addr, "after it"); !answered || err != nil {
				return errors.Join(errors.New("no answer"), err)
			}
			return nil
		})
		if err := asking.Parked(); err != nil {
			t.Fatal(err)
		}
		dialer.Kill()
		if err := errors.Join(listens.Continue(), asking.Wait()); err != nil {
			t.Fatal(err)
		}
	}
}

// The pair's names begin with the FIFO's own, so a link leads to none of it. That
// is an answer, and not a turn that came to nothing.
func TestFIFODialThroughASymlink(t *testing.T) {
	listener := serve(t, named(t, "fifo"))
	link := path(listener.Addr()) + "-link"
	if err := os.Symlink(path(listener.Addr()), link); err != nil {
		t.Fatal(err)
	}
	if _, err := kith.Dial(t.Context(), "fifo:"+link); !errors.Is(err, kith.ErrNoListener) || !strings.Contains(err.Error(), link) {
		t.Errorf("%v, want ErrNoListener with the path", err)
	}
	honestly, err := ask(listener.Addr(), "by its name")
	if !honestly || err != nil {
		t.Errorf("the listener suffered: %v", err)
	}
}

// A FIFO that somebody else has made is somebody else's, whether he has it open or
// not.
func TestFIFOOfAnotherProgram(t *testing.T) {
	for _, open := range []bool{false, true} {
		t.Run(fmt.Sprint("open ", open), func(t *testing.T) {
			addr := named(t, "fifo")
			if err := fifo.Make(path(addr), 0o640); err != nil {
				t.Fatal(err)
			}
			if open {
				file, err := fifo.OpenBoth(path(addr))
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
			}
			was, err := os.Lstat(path(addr))
			if err != nil {
				t.Fatal(err)
			}
			before := kithtest.Hold(filepath.Dir(path(addr)))
			if _, err := kith.Listen(t.Context(), addr); !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), path(addr)) {
				t.Errorf("%v, want EADDRINUSE with the path", err)
			}
			is, err := os.Lstat(path(addr))
			if err != nil || !os.SameFile(was, is) || was.Mode() != is.Mode() {
				t.Errorf("it was %v, and is %v, %v", was, is, err)
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}
