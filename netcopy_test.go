package kith_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"say and die": sayAndDie})
}

// noise is bytes that compare well: no two places look alike.
func noise(n int) []byte {
	source := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	p := make([]byte, n)
	_, _ = source.Read(p)
	return p
}

// What io.Copy reads from one connection and writes to another arrives as it was.
func TestNetCopy(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			one, other := joined(t, scheme)
			third, fourth := joined(t, "shm")
			want := noise(3_000_003)
			writing := kithtest.Go(func() error {
				n, err := one.Write(want)
				if n != len(want) {
					t.Errorf("wrote %d", n)
				}
				return errors.Join(err, one.Close())
			})
			copying := kithtest.Go(func() error {
				n, err := io.Copy(third, other) // the WriteTo of other
				if n != int64(len(want)) {
					t.Errorf("copied %d bytes of %d", n, len(want))
				}
				return errors.Join(err, third.Close())
			})
			got, err := io.ReadAll(fourth)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if err := errors.Join(writing.Wait(), copying.Wait()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What io.Copy reads from a file, or from so many bytes of one, arrives as it was.
func TestNetReadFromFile(t *testing.T) {
	want := noise(2_000_001)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			one, other := joined(t, scheme)
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			const begins = 70_000
			sending := kithtest.Go(func() error {
				n, err := io.CopyN(one, file, begins)
				if n != begins || err != nil {
					t.Errorf("the beginning: %d, %v", n, err)
				}
				if _, err := one.Write([]byte("between")); err != nil {
					t.Error(err)
				}
				n, err = io.Copy(one, file)
				if n != int64(len(want)-begins) || err != nil {
					t.Errorf("the rest: %d, %v", n, err)
				}
				return one.Close()
			})
			wantRead(t, other, string(want[:begins]))
			wantRead(t, other, "between")
			rest, err := io.ReadAll(other)
			if err != nil || !bytes.Equal(rest, want[begins:]) {
				t.Errorf("the rest: %d bytes, %v", len(rest), err)
			}
			if err := sending.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A file that cannot be read says so, and the connection goes on.
func TestNetReadFromBadFile(t *testing.T) {
	one, other := joined(t, "shm")
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "file"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if n, err := io.Copy(one, file); n != 0 || !errors.Is(err, unix.EBADF) {
		t.Errorf("a file open for writing: %d, %v, want EBADF", n, err)
	}
	write(t, one, "goes on")
	wantRead(t, other, "goes on")
}

// While a source of another kind keeps a ReadFrom waiting, others write, and say the end.
func TestNetReadFromSlowSource(t *testing.T) {
	one, other := joined(t, "shm")
	source, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	defer end.Close()
	copying := kithtest.Go(func() error { _, err := io.Copy(one, source); return err })
	if err := copying.Parked(); err != nil {
		t.Error(err)
	}
	write(t, one, "meanwhile")
	wantRead(t, other, "meanwhile")
	if err := one.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Error(err)
	}
	if _, err := other.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if _, err := end.WriteString("too late"); err != nil {
		t.Error(err)
	}
	if err := copying.Wait(); !errors.Is(err, kith.ErrSendClosed) {
		t.Errorf("%v, want ErrSendClosed", err)
	}
}

// A ReadFrom of a file waits for room, and ends as a Write does: by a deadline, by
// Close, by the peer's end.
func TestNetReadFromEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, noise(1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		end  func(one, other net.Conn) error
		want error
	}{
		"deadline": {func(one, _ net.Conn) error { return one.SetWriteDeadline(past) }, os.ErrDeadlineExceeded},
		"Close":    {func(one, _ net.Conn) error { return one.Close() }, net.ErrClosed},
		"the peer": {func(_, other net.Conn) error { return other.Close() }, unix.EPIPE},
	} {
		t.Run(what, func(t *testing.T) {
			one, other := joined(t, "shm")
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			var n int64
			copying := kithtest.Go(func() (err error) { n, err = io.Copy(one, file); return err })
			if err := copying.Parked(); err != nil {
				t.Error(err)
			}
			if err := test.end(one, other); err != nil {
				t.Error(err)
			}
			if err := copying.Wait(); !errors.Is(err, test.want) || n == 0 {
				t.Errorf("%d, %v, want %v", n, err, test.want)
			}
			if at, err := file.Seek(0, io.SeekCurrent); at != n || err != nil {
				t.Errorf("%d bytes were read and %d sent, %v", at, n, err)
			}
		})
	}
}

// A destination is a writer that blocks, or fails, when it is told to.
type destination struct {
	got  []byte
	came chan struct{}
	on   chan error // what the next Write says
}

func newDestination() *destination {
	return &destination{came: make(chan struct{}), on: make(chan error)}
}

func (d *destination) Write(p []byte) (int, error) {
	d.came <- struct{}{}
	err := <-d.on
	n := len(p)
	if err != nil {
		n /= 2
	}
	d.got = append(d.got, p[:n]...) // after the wait: the memory has to be there still
	return n, err
}

// Close does not wait for the destination of a WriteTo, to which the memory still belongs,
// and which gives it back.
func TestNetWriteToOutlivesClose(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			one, other, err := netPair(at(scheme, alone(t)))
			if err != nil {
				t.Fatal(err)
			}
			write(t, one, "borrowed")
			to := newDestination()
			copying := kithtest.Go(func() error { _, err := io.Copy(to, other); return err })
			<-to.came
			waiting := kithtest.Go(func() error { _, err := other.Read(make([]byte, 1)); return err })
			if err := waiting.Parked(); err != nil {
				t.Error(err)
			}
			if err := errors.Join(other.Close(), one.Close()); err != nil {
				t.Error(err)
			}
			if err := waiting.Wait(); !errors.Is(err, net.ErrClosed) { // its turn has not come
				t.Errorf("a Read beside it: %v, want net.ErrClosed", err)
			}
			to.on <- nil
			if err := copying.Wait(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v, want net.ErrClosed", err)
			}
			if string(to.got) != "borrowed" {
				t.Errorf("%q was written", to.got)
			}
		})
	}
}

// Nothing of what was lent stays mapped: with a message half read at Close, and with a
// WriteTo that ends after it.
func TestNetCloseGivesBack(t *testing.T) {
	address := at("shm", alone(t))
	before := kithtest.Hold()
	for range 3 {
		one, other, err := netPair(address)
		if err != nil {
			t.Fatal(err)
		}
		write(t, one, "half of this is read")
		wantRead(t, other, "half of")
		to := newDestination()
		write(t, other, "and this is borrowed")
		copying := kithtest.Go(func() error { _, err := io.Copy(to, one); return err })
		<-to.came
		if err := errors.Join(one.Close(), other.Close()); err != nil {
			t.Error(err)
		}
		to.on <- nil
		if err := copying.Wait(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// What a destination did not take is what the next Read gets.
func TestNetWriteToFails(t *testing.T) {
	mine := errors.New("mine")
	for what, test := range map[string]struct{ says, want error }{
		"an error": {mine, mine}, "io.EOF": {io.EOF, io.EOF},
	} {
		t.Run(what, func(t *testing.T) {
			one, other := joined(t, "shm")
			write(t, one, "01234567")
			to := newDestination()
			var n int64
			copying := kithtest.Go(func() (err error) { n, err = io.Copy(to, other); return err })
			<-to.came
			to.on <- test.says
			if err := copying.Wait(); !errors.Is(err, test.want) || n != 4 {
				t.Errorf("%d, %v, want 4 and %v", n, err, test.want)
			}
			wantRead(t, other, "4567")
		})
	}
	t.Run("a short write", func(t *testing.T) {
		one, other := joined(t, "shm")
		write(t, one, "01234567")
		if n, err := io.Copy(short{}, other); n != 3 || !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%d, %v", n, err)
		}
		wantRead(t, other, "34567")
	})
}

type short struct{}

func (short) Write([]byte) (int, error) { return 3, nil }

// A peer that says and dies: WriteTo has written what it said, and tells of the death.
func TestNetWriteToOfTheDead(t *testing.T) {
	l, err := kith.ListenNet(t.Context(), at("shm", alone(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	child := kithtest.Command(t, "say and die", l.Addr().String()).Start()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard(t, child, "said")
	child.Kill()
	sum := sha256.New()
	if n, err := io.Copy(sum, conn); n != 100_000 || !errors.Is(err, kith.ErrPeerDied) {
		t.Errorf("%d bytes, %v, want ErrPeerDied", n, err)
	}
	if want := sha256.Sum256(noise(100_000)); !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Error("it is not what was said")
	}
}

func sayAndDie(args []string) error {
	conn, err := kith.DialNet(context.Background(), args[0])
	if err != nil {
		return err
	}
	if _, err := conn.Write(noise(100_000)); err != nil {
		return err
	}
	kithtest.Say("said")
	select {} // until it is killed
}
