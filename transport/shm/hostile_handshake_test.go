package shm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "kith" // registers the transports
	"kith/driver"
	"kith/internal/kithtest"
	"kith/transport/shm"
)

// dialWithTricks, in a child, dials and plays the trick it is told, again and
// again, and says how it went.
func dialWithTricks(args []string) error {
	for {
		name := kithtest.Hear()
		h, err := dialled(args[0])
		if err != nil {
			return err
		}
		for _, trick := range append(tricks, dialerTricks...) {
			if trick.name == name {
				trick.play(h, []*os.File{h.second()})
			}
		}
		if name != "silence" {
			kithtest.Say(h.hear())
		} else {
			kithtest.Say("silent")
			kithtest.Hear()
		}
		h.close()
	}
}

// The listener's side tells what is wrong, keeps nothing, and lets the dialer
// know.
func TestHostileDialers(t *testing.T) {
	listener := rawListener(t)
	child := kithtest.Command(t, "hostile dialer", listener.Addr().String()).Start()
	for _, trick := range append(tricks, dialerTricks...) {
		t.Run(trick.name, func(t *testing.T) {
			before := kithtest.Hold()
			if err := child.Say(trick.name); err != nil {
				t.Fatal(err)
			}
			conn, err := answer(t.Context(), listener)
			if err == nil {
				_ = conn.Close()
			}
			if err := typed(err, trick.want); err != nil {
				t.Error(err)
			}
			if heard, err := child.Hear(); heard != "refused" && heard != "left" {
				t.Errorf("the dialer was told: %q, %v", heard, err)
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSilentDialer(t *testing.T) {
	listener := rawListener(t)
	child := kithtest.Command(t, "hostile dialer", listener.Addr().String()).Start()
	before := kithtest.Hold()
	if err := child.Say("silence"); err != nil {
		t.Fatal(err)
	}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() error { _, err := answer(ctx, listener); return err })
	if heard, err := child.Hear(); heard != "silent" {
		t.Fatal(heard, err)
	}
	if err := call.Parked(); err != nil {
		t.Error(err)
	}
	cancel(reason)
	if err := call.Wait(); !errors.Is(err, reason) {
		t.Errorf("%v, want the cause", err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// After all of them, the listener takes an honest one, and holds nothing else.
func TestListenerOutlivesHostileDialers(t *testing.T) {
	before := kithtest.Hold()
	a := address(t, filepath.Join(directory(t), "x"))
	listener, err := shm.Transport{}.Listen(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, "hostile dialer", listener.Address().Name).Start()
	for _, trick := range append(tricks, dialerTricks...) {
		if strings.HasPrefix(trick.name, "second: ") {
			continue // those that are taken would wait in Accept
		}
		if err := child.Say(trick.name); err != nil {
			t.Fatal(err)
		}
		if heard, err := child.Hear(); err != nil {
			t.Fatal(trick.name, heard, err)
		}
	}
	dialling := kithtest.Go(func() error {
		conn, err := shm.Transport{}.Dial(t.Context(), a)
		if err != nil {
			return err
		}
		return errors.Join(conn.Send(t.Context(), []byte("honest")), conn.Close())
	})
	for got := ""; got != "honest"; {
		conn, err := listener.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		msg, err := conn.Receive(t.Context())
		if err != nil {
			t.Errorf("a hostile dialer was taken: %v", err)
		}
		got = string(msg)
		_ = conn.Close()
	}
	child.Kill()
	if err := errors.Join(dialling.Wait(), listener.Close()); err != nil {
		t.Error(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// listenWithTricks, in a child, listens in place of kith, and plays the tricks.
func listenWithTricks(args []string) error {
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Net: "unixpacket", Name: args[0]})
	if err != nil {
		return err
	}
	kithtest.Say("listening")
	met := make(chan *hostile)
	go func() {
		for {
			conn, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			met <- &hostile{front: conn}
		}
	}()
	for {
		playUntilDone(kithtest.Hear(), met)
	}
}

// playUntilDone plays a trick on everybody who is met: who is hung up on dials again.
func playUntilDone(name string, met <-chan *hostile) {
	done := make(chan struct{})
	go func() { kithtest.Hear(); close(done) }()
	for {
		select {
		case h := <-met:
			defer h.close()
			for _, trick := range tricks {
				if trick.name == name {
					trick.play(h, nil)
				}
			}
		case <-done:
			return
		}
	}
}

func TestHostileListeners(t *testing.T) {
	path := filepath.Join(directory(t), "x")
	child := kithtest.Command(t, "hostile listener", path).Start()
	if heard, err := child.Hear(); heard != "listening" {
		t.Fatal(heard, err)
	}
	for _, trick := range tricks {
		t.Run(trick.name, func(t *testing.T) {
			before := kithtest.Hold()
			if err := child.Say(trick.name); err != nil {
				t.Fatal(err)
			}
			conn, err := shm.Transport{}.Dial(t.Context(), address(t, path))
			if err == nil {
				_ = conn.Close()
			}
			if err := typed(err, trick.want); err != nil {
				t.Error(err)
			}
			if err := child.Say("done"); err != nil {
				t.Fatal(err)
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The listener of a stream, at the path of shared memory, and the other way.
func TestAnotherTransportAtTheOtherEnd(t *testing.T) {
	a := address(t, filepath.Join(directory(t), "x"))
	listener, err := shm.Transport{}.Listen(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	stream, err := driver.ParseAddress("unixpacket:" + a.Name)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := driver.Lookup("unixpacket")
	if err != nil {
		t.Fatal(err)
	}
	_, err = transport.Dial(t.Context(), stream)
	if !errors.Is(err, driver.ErrProtocol) || !strings.Contains(fmt.Sprint(err), "scheme") {
		t.Errorf("%v, want ErrProtocol that asks for the scheme", err)
	}
}
