package kith_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"kith/internal/kithtest"
)

var past = time.Unix(1, 0)

// A Write that its deadline ends says how many bytes went out: the peer reads just those,
// and then what is written next.
func TestNetWriteCutShort(t *testing.T) {
	for _, keys := range []string{"", "?ring=4k"} {
		t.Run("shm"+keys, func(t *testing.T) {
			one, other, err := netPair(at("shm", alone(t)) + keys)
			if err != nil {
				t.Fatal(err)
			}
			defer one.Close()
			defer other.Close()
			all := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
			for range 3 {
				var n int
				writing := kithtest.Go(func() (err error) { n, err = one.Write(all); return err })
				if err := writing.Parked(); err != nil {
					t.Error(err)
				}
				if err := one.SetWriteDeadline(past); err != nil {
					t.Error(err)
				}
				if err := writing.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == len(all) {
					t.Errorf("%d bytes of %d, %v", n, len(all), err)
				}
				wantRead(t, other, string(all[:n]))
				if err := one.SetWriteDeadline(time.Time{}); err != nil {
					t.Error(err)
				}
				write(t, one, "goes on")
				wantRead(t, other, "goes on")
			}
		})
	}
}

// A Read that a deadline ended has taken nothing; net/http ends one a request.
func TestNetReadCutShort(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			one, other := joined(t, scheme)
			for range 20 {
				reading := kithtest.Go(func() error { _, err := one.Read(make([]byte, 100)); return err })
				if err := reading.Parked(); err != nil {
					t.Error(err)
				}
				if err := one.SetReadDeadline(past); err != nil {
					t.Error(err)
				}
				err := reading.Wait()
				if netError, is := errors.AsType[net.Error](err); !is || !netError.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%v, want a timeout", err)
				}
				write(t, other, "question")
				if n, err := one.Read(make([]byte, 100)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("a Read past its deadline: %d, %v", n, err)
				}
				if err := one.SetReadDeadline(time.Time{}); err != nil {
					t.Error(err)
				}
				wantRead(t, one, "question")
			}
		})
	}
}

// A deadline that is moved while a Read waits counts as it was set last.
func TestNetDeadlineMoves(t *testing.T) {
	one, other := joined(t, "shm")
	if err := one.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	reading := kithtest.Go(func() error { _, err := one.Read(make([]byte, 1)); return err })
	if err := reading.Parked(); err != nil {
		t.Error(err)
	}
	for _, d := range []time.Duration{time.Hour, 0, 2 * time.Hour, time.Millisecond} {
		deadline := time.Time{}
		if d > 0 {
			deadline = time.Now().Add(d)
		}
		if err := one.SetReadDeadline(deadline); err != nil {
			t.Error(err)
		}
	}
	if err := reading.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want a timeout", err)
	}

	// From past to future and to never, a thousand times, with a Read that comes between: the
	// last one counts.
	for n := range 1000 {
		for _, deadline := range []time.Time{past, time.Now().Add(time.Microsecond), time.Now().Add(time.Hour), {}}[n%2:] {
			if err := one.SetReadDeadline(deadline); err != nil {
				t.Error(err)
			}
		}
		write(t, other, "x")
		wantRead(t, one, "x")
	}
}

// Many wait for their turn: each gets a byte of its own, or leaves with the deadline.
func TestNetTurns(t *testing.T) {
	one, other := joined(t, "shm")
	heard := make(chan byte)
	var readers []*kithtest.Call
	for range 10 {
		readers = append(readers, kithtest.Go(func() error {
			p := []byte{0}
			_, err := one.Read(p)
			if err == nil {
				heard <- p[0]
			}
			return err
		}))
	}
	if err := kithtest.Parked(readers...); err != nil {
		t.Error(err)
	}
	write(t, other, "12345")
	var got []byte
	for range 5 {
		got = append(got, <-heard)
	}
	slices.Sort(got)
	if string(got) != "12345" {
		t.Errorf("they have read %q", got)
	}
	if err := one.SetReadDeadline(past); err != nil {
		t.Error(err)
	}
	late := 0
	for _, r := range readers {
		if err := r.Wait(); errors.Is(err, os.ErrDeadlineExceeded) {
			late++
		}
	}
	if late != 5 {
		t.Errorf("%d were cut short, want 5", late)
	}
}
