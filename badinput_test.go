package kith_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// badKeys are wrong after any name; those of rings where there is a ring.
var (
	badKeys  = []string{"nosuch=1", "limit=1k&limit=1k", "limit=0", "limit=999g", "limit=1025m", "limit=", "limit=-1", "limit=1.5k", "limit=1kk", "limit", "=1", "limit=%zz"}
	badRings = []string{"ring=3000", "ring=1", "ring=0", "ring=2048", "ring=6k", "ring=2g", "ring=999g", "ring=-4096", "ring=x", "ring=4k&ring=4k"}
)

// badNames are impossible on each scheme.
func badNames(scheme string) []string {
	names := []string{"", "a%00b", "%zz"}
	if scheme == "tcp" {
		return append(names, "host", "127.0.0.1", "127.0.0.1:", "1:2:3", "/path", "127.0.0.1:65536", "127.0.0.1:-1")
	}
	return append(names, "a/b", "./a", "../a", "a/", "/"+strings.Repeat("x", 107), strings.Repeat("x", 108))
}

func TestBadAddresses(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			directory := alone(t)
			t.Setenv("KITH_DIR", filepath.Join(directory, "not yet"))
			var bad []string
			for _, keys := range badKeys {
				bad = append(bad, at(scheme, directory)+"?"+keys)
			}
			for _, keys := range badRings { // without a ring, an unknown key
				bad = append(bad, at(scheme, directory)+"?"+keys)
			}
			for _, name := range badNames(scheme) {
				bad = append(bad, scheme+":"+name)
			}
			for _, addr := range bad {
				untouched(t, directory, func() {
					refuses(t, addr, dial(t, addr), kith.ErrAddress, addr)
					refuses(t, addr, listen(t, addr), kith.ErrAddress, addr)
				})
			}
		})
	}
}

func TestUnknownSchemes(t *testing.T) {
	directory := alone(t)
	for _, addr := range []string{"", ":", "x", directory, "nosuch:x", ":x", "SHM:x", "http://example.org", " shm:x"} {
		untouched(t, directory, func() {
			refuses(t, addr, dial(t, addr), kith.ErrAddress, addr)
			refuses(t, addr, listen(t, addr), kith.ErrAddress, addr)
		})
	}
	refuses(t, "its remedy", dial(t, "nosuch:x"), kith.ErrAddress, "shm", "unix", "tcp", "fifo")
}

func TestBadDescriptors(t *testing.T) {
	directory := alone(t)
	file, err := os.Create(filepath.Join(directory, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	listener, err := net.Listen("unix", filepath.Join(directory, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for addr, cause := range map[string]error{
		"fd:":                                    kith.ErrAddress,
		"fd:x":                                   kith.ErrAddress,
		"fd:-1":                                  kith.ErrAddress,
		"fd:99999999999":                         kith.ErrAddress,
		"fd:3?via=pigeon":                        kith.ErrAddress,
		"fd:3?ring=4k":                           kith.ErrAddress,
		"fd:3?via=shm&ring=1":                    kith.ErrAddress,
		"fd:3?limit=0":                           kith.ErrAddress,
		"fd:1999999":                             syscall.EBADF,
		fmt.Sprint("fd:", file.Fd()):             syscall.ENOTSOCK,
		fmt.Sprint("fd:", socket.Fd()):           syscall.ENOTCONN,
		fmt.Sprint("fd:", file.Fd(), "?via=shm"): syscall.ENOTSOCK,
	} {
		untouched(t, directory, func() { refuses(t, addr, dial(t, addr), cause, addr) })
	}
	refuses(t, "listen", listen(t, "fd:3"), errors.ErrUnsupported, "fd:3")
	if _, err := file.WriteString("still open"); err != nil {
		t.Error(err)
	}
}

// serveUntilKilled, in a child, listens, and takes everybody.
func serveUntilKilled(args []string) error {
	listener, err := kith.Listen(context.Background(), args[0])
	if err != nil {
		return err
	}
	kithtest.Say(listener.Addr())
	serveAll(listener)
	return nil
}

// serveAll sends back whatever comes, until the listener is closed.
func serveAll(listener *kith.Listener) {
	ctx := context.Background()
	for {
		conn, err := listener.Accept(ctx)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		go func() {
			for msg := range conn.Messages(ctx) {
				_ = conn.Send(ctx, msg)
			}
			_ = conn.Close()
		}()
	}
}

// where is the part of an address that says where: what every error has to name.
func where(addr string) string {
	_, name, _ := strings.Cut(addr, ":")
	name, _, _ = strings.Cut(name, "?")
	return name
}

func TestNobodyListens(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			directory := alone(t)
			absent := at(scheme, directory)
			untouched(t, directory, func() { refuses(t, "absent", dial(t, absent), kith.ErrNoListener, where(absent)) })

			child := kithtest.Command(t, "serve", absent).Start()
			stale, err := child.Hear()
			if err != nil {
				t.Fatal(err)
			}
			if err := dial(t, stale); err != nil {
				t.Error(err)
			}
			child.Kill()
			untouched(t, directory, func() { refuses(t, "stale", dial(t, stale), kith.ErrNoListener, where(stale)) })
			if err := listen(t, stale); err != nil {
				t.Errorf("a dead one's name is not taken over: %v", err)
			}
		})
	}
}

// A name without a / is a file somewhere: errors say where.
func TestErrorsNameThePath(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket", "fifo"} {
		t.Run(scheme, func(t *testing.T) {
			directory := alone(t)
			t.Setenv("KITH_DIR", directory)
			addr, path := scheme+":orders", filepath.Join(directory, "orders."+scheme)
			refuses(t, "nobody listens", dial(t, addr), kith.ErrNoListener, path)
			listener := serving(t, addr)
			if !strings.Contains(listener.Addr(), path) {
				t.Errorf("the listener's address is %q", listener.Addr())
			}
			refuses(t, "in use", listen(t, addr), syscall.EADDRINUSE, path)
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
			if scheme == "fifo" {
				return
			}
			child := kithtest.Command(t, "stranger at socket", scheme, path).Start()
			if heard, err := child.Hear(); heard != "there" {
				t.Fatal(heard, err)
			}
			refuses(t, "no kith", dial(t, addr), kith.ErrProtocol, path)
		})
	}
}

// strangerAtSocket, in a child, listens in place of kith, and talks nonsense.
func strangerAtSocket(args []string) error {
	network := map[string]string{"shm": "unixpacket", "unix": "unix", "unixpacket": "unixpacket"}[args[0]]
	listener, err := net.Listen(network, args[1])
	if err != nil {
		return err
	}
	kithtest.Say("there")
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	_, _ = conn.Write([]byte(strings.Repeat("nonsense", 16)))
	kithtest.Hear()
	return conn.Close()
}

// Nobody listens, so nothing is made: no directory for the name either.
func TestDialMakesNothing(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket", "fifo"} {
		directory := alone(t)
		t.Setenv("KITH_DIR", filepath.Join(directory, "missing"))
		untouched(t, directory, func() {
			refuses(t, scheme, dial(t, scheme+":orders"), kith.ErrNoListener, filepath.Join(directory, "missing", "orders."+scheme))
		})
	}
}

func TestAddressInUse(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			directory := alone(t)
			child := kithtest.Command(t, "serve", at(scheme, directory)).Start()
			addr, err := child.Hear()
			if err != nil {
				t.Fatal(err)
			}
			untouched(t, directory, func() { refuses(t, "listen", listen(t, addr), syscall.EADDRINUSE, where(addr)) })
			if err := dial(t, addr); err != nil {
				t.Errorf("its owner suffered: %v", err)
			}
			if scheme == "tcp" {
				return
			}
			path := filepath.Join(directory, "file")
			if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
				t.Fatal(err)
			}
			other := scheme + ":" + path
			untouched(t, directory, func() { refuses(t, "a file", listen(t, other), syscall.EADDRINUSE, path) })
			if text, err := os.ReadFile(path); string(text) != "kept" || err != nil {
				t.Errorf("the file has %q, %v", text, err)
			}
		})
	}
}

// Over the limit of the one side or of the other: nothing is sent, and the Conn
// is as good as before.
func TestMessageOverTheLimit(t *testing.T) {
	for _, scheme := range schemes {
		for _, keys := range [][2]string{{"", "?limit=1k"}, {"?limit=1k", ""}, {"?limit=1k", "?limit=2k"}} {
			t.Run(scheme+keys[0]+keys[1], func(t *testing.T) {
				listener := serving(t, at(scheme, alone(t))+keys[0])
				addr, _, _ := strings.Cut(listener.Addr(), "?")
				conn, err := kith.Dial(t.Context(), addr+keys[1])
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				for range 2 {
					err := conn.Send(t.Context(), make([]byte, 1025))
					refuses(t, "send", err, kith.ErrTooLarge, where(addr), "1025", "1024", "limit=")
					refuses(t, "send", err, syscall.EMSGSIZE)
				}
				if err := conn.Send(t.Context(), make([]byte, 1024)); err != nil {
					t.Fatal(err)
				}
				if msg, err := conn.Receive(t.Context()); len(msg) != 1024 || err != nil {
					t.Errorf("%d bytes came back, %v", len(msg), err)
				}
			})
		}
	}
}
