package rendezvous_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{
		"stay silent":  staySilent,
		"few to spare": acceptWithoutDescriptors,
	})
}

// named is an address in a directory of its own.
func named(t *testing.T, scheme string) string {
	t.Helper()
	if scheme == "tcp" {
		return "tcp:127.0.0.1:0"
	}
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return scheme + ":" + filepath.Join(directory, "x")
}

var networks = map[string]string{"shm": "unixpacket", "unix": "unix", "unixpacket": "unixpacket", "tcp": "tcp"}

// staySilent, in a child, comes many times, and never says a word.
func staySilent(args []string) error {
	scheme, name, _ := strings.Cut(args[0], ":")
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for range count {
		if _, err := approach(scheme, name); err != nil {
			return err
		}
	}
	kithtest.Say("silent")
	kithtest.Hear()
	return nil
}

func approach(scheme, name string) (any, error) {
	if scheme == "fifo" {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		pair := fmt.Sprint(name, ".", info.Sys().(*syscall.Stat_t).Ino)
		return os.OpenFile(pair+".in", os.O_WRONLY|unix.O_NONBLOCK, 0)
	}
	return net.Dial(networks[scheme], name)
}

// The cap is 64. Three times as many who say nothing keep nobody out, whether
// they came before him or wait beside him.
func TestSilentDialersDelayNobody(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket", "tcp", "fifo"} {
		t.Run(scheme, func(t *testing.T) {
			before := kithtest.Hold()
			listener, err := kith.Listen(t.Context(), named(t, scheme))
			if err != nil {
				t.Fatal(err)
			}
			child := kithtest.Command(t, "stay silent", listener.Addr(), "200").Start()
			if heard, err := child.Hear(); heard != "silent" {
				t.Fatal(heard, err)
			}
			for range 3 {
				talk(t, listener)
			}
			if err := errors.Join(listener.Close(), child.Say("enough"), child.Wait()); err != nil {
				t.Error(err)
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

// talk dials the listener and has a message carried.
func talk(t *testing.T, listener *kith.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	dialling := kithtest.Go(func() error {
		conn, err := kith.Dial(ctx, listener.Addr())
		if err != nil {
			cancel(err) // there is nobody to accept
			return err
		}
		return errors.Join(conn.Send(t.Context(), []byte("hello")), conn.Close())
	})
	conn, err := listener.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := conn.Receive(t.Context()); string(msg) != "hello" || err != nil {
		t.Errorf("received %q, %v", msg, err)
	}
	if err := errors.Join(dialling.Wait(), conn.Close()); err != nil {
		t.Error(err)
	}
}

// acceptWithoutDescriptors, in a child, listens, and has no descriptor left when
// somebody comes; then it has.
func acceptWithoutDescriptors(args []string) error {
	ctx := context.Background()
	listener, err := kith.Listen(ctx, args[0])
	if err != nil {
		return err
	}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		return err
	}
	free, err := unix.Dup(0)
	if err != nil {
		return err
	}
	_ = unix.Close(free)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free), Max: was.Max}); err != nil {
		return err
	}
	kithtest.Say(listener.Addr())
	for range 3 { // each Accept says so, as long as it lasts
		_, err = listener.Accept(ctx)
		if !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), listener.Addr()) {
			return fmt.Errorf("accept without a descriptor: %w, want EMFILE with the address", err)
		}
	}
	kithtest.Say("exhausted")
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		return err
	}
	for {
		conn, err := listener.Accept(ctx)
		if errors.Is(err, unix.EMFILE) {
			continue // of before
		}
		if err != nil {
			return err
		}
		msg, err := conn.Receive(ctx)
		kithtest.Say(string(msg))
		return errors.Join(err, conn.Close(), listener.Close())
	}
}

func TestExhaustionSurfacesAtAccept(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket", "tcp"} {
		t.Run(scheme, func(t *testing.T) {
			child := kithtest.Command(t, "few to spare", named(t, scheme)).Start()
			addr, err := child.Hear()
			if err != nil {
				t.Fatal(err)
			}
			sending := kithtest.Go(func() error {
				conn, err := kith.Dial(t.Context(), addr) // waits until the listener has a descriptor
				if err != nil {
					return err
				}
				return errors.Join(conn.Send(t.Context(), []byte("patience")), conn.Close())
			})
			for _, want := range []string{"exhausted", "patience"} {
				if heard, err := child.Hear(); heard != want {
					t.Fatalf("%q, %v, want %q", heard, err, want)
				}
			}
			if err := errors.Join(sending.Wait(), child.Wait()); err != nil {
				t.Error(err)
			}
		})
	}
}
