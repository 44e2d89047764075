package shm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/rendezvous"
	"kith/sock"
	"kith/transport/shm"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"mirror": mirror, "twice": twice})
}

// mirror, in a child, listens, and answers each dialer with the dialer's own memory.
func mirror(args []string) error {
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Net: "unixpacket", Name: args[0]})
	if err != nil {
		return err
	}
	kithtest.Say("listening")
	conn, err := listener.AcceptUnix()
	if err != nil {
		return err
	}
	front, err := sock.On(conn)
	if err != nil {
		return err
	}
	record := make([]byte, rendezvous.HelloSize)
	m, err := front.Receive(context.Background(), record, sock.Exactly(2))
	if err != nil {
		return err
	}
	if err := front.Send(context.Background(), honestHello().Bytes(), m.Files[0]); err != nil {
		return err
	}
	kithtest.Hear()
	return nil
}

// Who is given its own memory for the peer's hears itself, and comes to no harm.
func TestMirror(t *testing.T) {
	before := kithtest.Hold()
	path := filepath.Join(directory(t), "x")
	child := kithtest.Command(t, "mirror", path).Start()
	if heard, err := child.Hear(); heard != "listening" {
		t.Fatal(heard, err)
	}
	conn, err := shm.Transport{}.Dial(t.Context(), address(t, path))
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for n := range 1000 { // many times round the ring
		err := conn.Send(t.Context(), fmt.Appendf(nil, "message %d", n))
		if errors.Is(err, unix.EPIPE) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sent++
		msg, err := conn.Receive(t.Context())
		if err != nil || string(msg) != fmt.Sprintf("message %d", n) {
			t.Fatalf("%q, %v", msg, err)
		}
	}
	if sent != 1000 {
		t.Errorf("%d sent", sent)
	}
	child.Kill()
	if _, err := conn.Receive(t.Context()); !isFair(err) {
		t.Errorf("%v: of no type", err)
	}
	if err := errors.Join(conn.Close(), before.Left()); err != nil {
		t.Error(err)
	}
}

// twice, in a child, dials with the same memory and the same second socket two times.
func twice(args []string) error {
	var h *hostile
	var files []*os.File
	for range 2 {
		next, err := dialled(args[0])
		if err != nil {
			return err
		}
		if h == nil {
			files = append(files, next.honest(), next.second())
		}
		h = next
		h.say(honestHello().Bytes(), files...)
		if heard := h.hear(); heard != "taken" {
			return errors.New(heard)
		}
	}
	kithtest.Say("joined")
	kithtest.Hear()
	return nil
}

// Two connections whose peer gives both the same memory and socket end as two do.
func TestTwiceTheSame(t *testing.T) {
	before := kithtest.Hold()
	listener := rawListener(t)
	child := kithtest.Command(t, "twice", listener.Addr().String()).Start()
	var waiting []*kithtest.Call
	for range 2 {
		conn, err := answer(t.Context(), listener)
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, kithtest.Go(func() error {
			_, err := conn.Receive(t.Context())
			return errors.Join(err, conn.Close())
		}))
	}
	if heard, err := child.Hear(); heard != "joined" {
		t.Fatal(heard, err)
	}
	if err := kithtest.Parked(waiting...); err != nil {
		t.Error(err)
	}
	child.Kill()
	for _, call := range waiting {
		returns(t, "Receive", kithtest.Go(func() error {
			if err := call.Wait(); !isFair(err) {
				return err
			}
			return nil
		}))
	}
	_ = listener.Close()
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}
