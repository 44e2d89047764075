package transport_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
	"kith/internal/rendezvous"
)

// A stranger is a process at the other end of a transport that does what the
// test tells it, byte by byte: say HEX, read N, end.

func strangerDials(args []string) error {
	scheme, name, _ := strings.Cut(args[0], ":")
	line, err := dialRaw(scheme, name)
	if err != nil {
		return err
	}
	kithtest.Say("there")
	return obey(line)
}

var networks = map[string]string{"unix": "unix", "unixpacket": "unixpacket", "tcp": "tcp"}

func dialRaw(scheme, name string) (io.ReadWriter, error) {
	if scheme != "fifo" {
		return net.Dial(networks[scheme], name)
	}
	pair, err := pairOf(name)
	if err != nil {
		return nil, err
	}
	out, err := fifo.OpenWriter(pair + ".in")
	if err != nil {
		return nil, err
	}
	in, err := fifo.OpenBoth(pair + ".out")
	return pipes{in, out}, err
}

// pairOf is where docs/layout.md says that the pair of a FIFO is.
func pairOf(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(name, ".", info.Sys().(*syscall.Stat_t).Ino), nil
}

// pipes are the two ends of a pair of FIFOs.
type pipes struct {
	io.Reader
	io.Writer
}

func strangerListens(args []string) error {
	scheme, name, _ := strings.Cut(args[0], ":")
	if scheme == "fifo" {
		return listenRawFIFO(name)
	}
	listener, err := net.Listen(networks[scheme], name)
	if err != nil {
		return err
	}
	kithtest.Say(scheme + ":" + listener.Addr().String())
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	if err := listener.Close(); err != nil { // whoever is hung up on finds nobody
		return err
	}
	return obey(conn)
}

func listenRawFIFO(name string) error {
	if err := fifo.Make(name, 0o600); err != nil {
		return err
	}
	pair, err := pairOf(name)
	if err != nil {
		return err
	}
	var ends [2]*os.File
	for i, suffix := range []string{".out", ".in"} {
		if err := fifo.Make(pair+suffix, 0o600); err != nil {
			return err
		}
		end, err := fifo.OpenBoth(pair + suffix)
		if err != nil {
			return err
		}
		ends[i] = end
	}
	kithtest.Say("fifo:" + name)
	return obey(pipes{ends[1], ends[0]})
}

// strangerChild was started with a socket to its parent.
func strangerChild([]string) error {
	socket := os.NewFile(3, "parent")
	return obey(socket)
}

func obey(line io.ReadWriter) error {
	for {
		word, argument, _ := strings.Cut(kithtest.Hear(), " ")
		switch word {
		case "say":
			text, err := hex.DecodeString(argument)
			if err != nil {
				return err
			}
			_, err = line.Write(text)
			kithtest.Say(fmt.Sprintf("said %v", err == nil))
		case "read":
			n, err := strconv.Atoi(argument)
			if err != nil {
				return err
			}
			text := make([]byte, n)
			n, _ = io.ReadFull(line, text)
			kithtest.Say(hex.EncodeToString(text[:n]))
		case "end":
			return nil
		default:
			return errors.New("what is " + word)
		}
	}
}

// A stranger, as the test holds it.
type stranger struct{ *kithtest.Child }

func (s stranger) say(t *testing.T, text []byte) {
	t.Helper()
	if err := s.Say("say " + hex.EncodeToString(text)); err != nil {
		t.Fatal(err)
	}
	if heard, err := s.Hear(); !strings.HasPrefix(heard, "said") {
		t.Fatal(heard, err)
	}
}

// read has the stranger read n bytes, or as many as there are before the end.
func (s stranger) read(t *testing.T, n int) []byte {
	t.Helper()
	if err := s.Say("read " + strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	heard, err := s.Hear()
	if err != nil {
		t.Fatal(err)
	}
	text, err := hex.DecodeString(heard)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s stranger) end() { _ = s.Say("end"); _ = s.Wait() }

// start starts a stranger, and waits for its first word.
func start(t *testing.T, name string, args ...string) (stranger, string) {
	t.Helper()
	s := stranger{kithtest.Command(t, name, args...).Start()}
	heard, err := s.Hear()
	if err != nil {
		t.Fatal(err)
	}
	return s, heard
}

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

// hello is a good one, changed.
func hello(change ...func(*rendezvous.Hello)) []byte {
	h := rendezvous.NewHello(rendezvous.Stream, 1<<30)
	for _, each := range change {
		each(&h)
	}
	return h.Bytes()
}

// childSocket makes a pair: the stranger's end is blocking, as is usual.
func childSocket(t *testing.T) (ours int, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fds[0], os.NewFile(uintptr(fds[1]), "theirs")
}
