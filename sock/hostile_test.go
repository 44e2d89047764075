package sock_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/sock"
)

// flood sends as many descriptors as it can, in every number, until it is killed.
func flood([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	files := slices.Repeat([]*os.File{os.Stdin}, sock.MaxFiles)
	for i := 0; ; i++ {
		err := socket.Send(background, []byte("x"), files[:1+i%sock.MaxFiles]...)
		if err != nil && !errors.Is(err, unix.ETOOMANYREFS) { // a user without privileges waits until some are received
			return err
		}
	}
}

// Who expects none, or one, or few, never has another number open.
func TestFloodOfFiles(t *testing.T) {
	for _, kind := range kinds {
		socket, child := give(t, kind, kithtest.Command(t, "flood"))
		before := kithtest.Hold()
		for round := range 2000 {
			expected := []sock.Count{sock.Exactly(0), sock.Exactly(1), sock.AtMost(5)}[round%3]
			m, err := socket.Receive(t.Context(), make([]byte, 1), expected)
			if !errors.Is(err, sock.ErrFiles) && (err != nil || len(m.Files) == 0 || len(m.Files) > 5) {
				t.Fatalf("%v expected: %d, %v", expected, len(m.Files), err)
			}
			m.Close()
		}
		child.Kill()
		end := map[bool]error{false: io.EOF, true: sock.ErrEmpty}[kind == sock.Datagram] // which has none
		err := sock.ErrFiles
		for ; errors.Is(err, sock.ErrFiles); _, err = socket.TryReceive(make([]byte, 1), sock.Exactly(0)) {
		}
		wants(t, err, end)
		if err := before.Left(); err != nil {
			t.Error(err)
		}
	}
}

// passForEver sends numbered pipes that hold their number.
func passForEver([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%08d", i)
		_, _ = w.WriteString(text)
		_ = w.Close()
		if err := socket.Send(background, []byte(text), r); err != nil {
			return err
		}
		_ = r.Close()
	}
}

// Killed by the hundred in the midst of it, a sender leaves whole messages, each with
// its descriptor, and the end behind them.
func TestSendersAreKilled(t *testing.T) {
	before := kithtest.Hold()
	for round := range 100 {
		kind := kinds[round%2]
		ours, theirs, err := sock.Pair(kind)
		if err != nil {
			t.Fatal(err)
		}
		child := kithtest.Command(t, "pass for ever")
		child.Cmd.ExtraFiles = []*os.File{theirs}
		child.Start()
		_ = theirs.Close()
		s := on(t, ours)
		number, err := 0, error(nil)
		for ; err == nil; number++ {
			if number == round%20+1 {
				child.Kill()
			}
			err = takeNumbered(t, s, number)
		}
		wants(t, err, io.EOF)
		_ = s.Close()
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func takeNumbered(t *testing.T, s *sock.Socket, number int) error {
	t.Helper()
	buffer := make([]byte, 8)
	m, err := s.Receive(t.Context(), buffer, sock.Exactly(1))
	if err != nil {
		return err
	}
	defer m.Close()
	want := fmt.Sprintf("%08d", number)
	if held := words(t, m.Files); string(buffer[:m.N]) != want || held != want {
		t.Errorf("message %q holds %q, want %q", buffer[:m.N], held, want)
	}
	return nil
}

// Killed with descriptors on the way to it, a receiver takes them with it; we learn of
// it, and nothing stays.
func TestReceiversAreKilled(t *testing.T) {
	before := kithtest.Hold()
	for round := range 100 {
		kind := kinds[round%3]
		ours, theirs, err := sock.Pair(kind)
		if err != nil {
			t.Fatal(err)
		}
		p := peer{kithtest.C(t, "testdata/peer.c")}
		p.Cmd.ExtraFiles = []*os.File{theirs}
		p.Start()
		_ = theirs.Close()
		s := on(t, ours)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		sending := kithtest.Go(func() error {
			for {
				if err := s.Send(t.Context(), []byte("x"), w); err != nil {
					return err
				}
			}
		})
		for range round % 4 {
			p.tell(t, "receive")
		}
		p.Kill()
		err = sending.Wait()
		if !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%v: %v", kind, err)
		}
		_, _ = w.Close(), s.Close()
		if got := readAll(t, r); strings.Trim(got, "x") != "" {
			t.Errorf("%q", got)
		}
		_ = r.Close()
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// Control data that no library would send: several lists in one message, an empty
// one, one that lies about its length.
func TestOddControlData(t *testing.T) {
	a, b := pair(t, sock.Packet)
	rights := unix.UnixRights(0)
	lying := slices.Clone(unix.UnixRights(0, 0))
	lying[0] = 255
	cut := unix.UnixRights(0)[:unix.CmsgLen(4)-1]
	for name, c := range map[string]struct {
		control []byte
		files   int
		refused error
	}{
		"two lists":     {slices.Concat(rights, rights), 2, nil},
		"an empty list": {unix.UnixRights(), 0, nil},
		"a lie":         {lying, 0, unix.EINVAL},
		"a cut one":     {cut, 0, unix.EINVAL},
		"no descriptor": {unix.UnixRights(-1), 0, unix.EBADF},
	} {
		before := descriptors(t)
		err := sys.Control(a, func(fd int) error { return unix.Sendmsg(fd, []byte("x"), c.control, nil, 0) })
		if !errors.Is(err, c.refused) {
			t.Errorf("%s: %v, want %v", name, err, c.refused)
		}
		if err == nil {
			m, err := b.Receive(t.Context(), make([]byte, 1), sock.Exactly(c.files))
			if len(m.Files) != c.files || err != nil {
				t.Errorf("%s: %v, %v", name, m, err)
			}
			m.Close()
		}
		if after := descriptors(t); after != before {
			t.Errorf("%s: %d descriptors, %d before", name, after, before)
		}
	}
}

// What a security module or another option adds is passed over.
func TestOtherControlData(t *testing.T) {
	a, b := pair(t, sock.Stream)
	err := sys.Control(b, func(fd int) error {
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMP, 1),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSSEC, 1))
	})
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) { // without a security module
		t.Fatal(err)
	}
	send(t, a, "hello", os.Stdin)
	if got, m := receive(t, b, 1); got != "hello" || m.Cred != nil {
		t.Errorf("%q, %+v", got, m)
	}
}

// A file that is closed by somebody else while it waits to be sent is not sent, and
// above all none that has its number by then.
func TestFileIsClosedMeanwhile(t *testing.T) {
	a, b := pair(t, sock.Packet)
	for a.TrySend([]byte("fill")) == nil {
	}
	file := temporary(t, "")
	sending := kithtest.Go(func() error { return a.Send(t.Context(), []byte("x"), file) })
	if err := sending.Parked(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil { // which does not wait for it
		t.Fatal(err)
	}
	_ = temporary(t, "has its number now")
	for {
		if _, err := b.TryReceive(make([]byte, 8), sock.Exactly(0)); err != nil {
			wants(t, err, sock.ErrEmpty)
			break
		}
	}
	wants(t, sending.Wait(), os.ErrClosed)
}
