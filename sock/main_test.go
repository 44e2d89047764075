package sock_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sock"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"read passed":   readPassed,
		"pass pipe":     passPipe,
		"few files":     receiveWithFewFiles,
		"pass on word":  passOnWord,
		"listen":        listenForPeer,
		"forge":         forgeAsNobody,
		"pass on peer":  tellOfPeer,
		"stranger":      stranger,
		"see nobody":    seeNobody,
		"in flight":     inFlight,
		"open few":      openFew,
		"flood":         flood,
		"pass for ever": passForEver,
		"reuse":         reuse,
		"own name":      ownName,
		"take silent":   takeSilent,
	})
	kithtest.Main(m)
}

var kinds = []sock.Kind{sock.Stream, sock.Packet, sock.Datagram}

const nobody = 65534

// inherited is the socket that a child got from startWith.
func inherited() (*sock.Socket, error) {
	const first = 3 // exec.Cmd: ExtraFiles come after 0, 1 and 2
	if err := unix.SetNonblock(first, true); err != nil {
		return nil, err
	}
	return sock.On(os.NewFile(first, "inherited"))
}

// startWith starts a child that has one end of a pair, and returns the other.
func startWith(t *testing.T, name string, args ...string) (*sock.Socket, *kithtest.Child) {
	t.Helper()
	return give(t, sock.Packet, kithtest.Command(t, name, args...))
}

// give starts a child with one end of a pair, and returns the other.
func give(t *testing.T, kind sock.Kind, child *kithtest.Child) (*sock.Socket, *kithtest.Child) {
	t.Helper()
	ours, theirs, err := sock.Pair(kind)
	if err != nil {
		t.Fatal(err)
	}
	child.Cmd.ExtraFiles = []*os.File{theirs}
	child.Start()
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	return on(t, ours), child
}

func on(t *testing.T, c sock.Conn) *sock.Socket {
	t.Helper()
	s, err := sock.On(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func pair(t *testing.T, kind sock.Kind) (a, b *sock.Socket) {
	t.Helper()
	one, other, err := sock.Pair(kind)
	if err != nil {
		t.Fatal(err)
	}
	return on(t, one), on(t, other)
}

// fresh is a socket without a name.
func fresh(t *testing.T, kind sock.Kind) *sock.Socket {
	t.Helper()
	s, err := sock.New(kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// bound is a socket with that name.
func bound(t *testing.T, kind sock.Kind, name sock.Addr) *sock.Socket {
	t.Helper()
	s := fresh(t, kind)
	mode := os.FileMode(0o600)
	if name == "" || name.IsAbstract() {
		mode = 0
	}
	if err := s.Bind(name, mode); err != nil {
		t.Fatal(err)
	}
	return s
}

// listening is a socket that takes connections at that name.
func listening(t *testing.T, kind sock.Kind, name sock.Addr) *sock.Socket {
	t.Helper()
	s := bound(t, kind, name)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	return s
}

// connected is a socket that is connected to that name.
func connected(t *testing.T, kind sock.Kind, name sock.Addr) *sock.Socket {
	t.Helper()
	s := fresh(t, kind)
	if err := s.Connect(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return s
}

// directory is one that all may search, with a short name.
func directory(t *testing.T) string {
	t.Helper()
	path, err := os.MkdirTemp("", "kith-sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func path(t *testing.T) sock.Addr {
	t.Helper()
	return sock.Addr(filepath.Join(directory(t), "s"))
}

// abstract is a name that no other test or process has.
func abstract(t *testing.T) sock.Addr {
	t.Helper()
	return sock.Abstract(fmt.Sprintf("kith-sock-%d-%s", os.Getpid(), t.Name()))
}

// receive takes a message that brings so many descriptors, as text.
func receive(t *testing.T, s *sock.Socket, count int) (string, sock.Message) {
	t.Helper()
	buffer := make([]byte, 4096)
	m, err := s.Receive(t.Context(), buffer, sock.Exactly(count))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return string(buffer[:m.N]), m
}

func text(t *testing.T, s *sock.Socket) string {
	t.Helper()
	text, _ := receive(t, s, 0)
	return text
}

func send(t *testing.T, s *sock.Socket, text string, files ...*os.File) {
	t.Helper()
	if err := s.Send(t.Context(), []byte(text), files...); err != nil {
		t.Fatal(err)
	}
}

func sendTo(t *testing.T, s *sock.Socket, to sock.Addr, text string, files ...*os.File) {
	t.Helper()
	if err := s.SendTo(t.Context(), to, []byte(text), files...); err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

// isLimit reports how err is not that limit.
func isLimit(err, errno error, name string) error {
	var limit *ipc.LimitError
	if !errors.As(err, &limit) || !errors.Is(err, errno) || limit.Limit != name || limit.Max <= 0 || limit.Raise == "" {
		return fmt.Errorf("%w: want the limit %s, %w", err, name, errno)
	}
	return nil
}

// descriptors is how many this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func temporary(t *testing.T, text string) *os.File {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return file
}

// canceled is a context that has ended.
func canceled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	return ctx
}

var background = context.Background()

var errEnough = errors.New("enough")

// readAll is what a pipe holds until its end.
func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// setting is a number of the kernel's.
func setting(t *testing.T, path string) (n int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		_, err = fmt.Sscan(strings.TrimSpace(string(text)), &n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}
