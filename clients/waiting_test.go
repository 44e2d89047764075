package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// parks is how often each side has parked.
type parks struct{ cData, cRoom, goData, goRoom int }

func (c peer) parks() (p parks) {
	c.t.Helper()
	c.order("parks")
	line, err := c.Hear()
	if err == nil {
		_, err = fmt.Sscan(line, &p.cData, &p.cRoom, &p.goData, &p.goRoom)
	}
	if err != nil {
		c.t.Fatalf("%v in %q", err, line)
	}
	return p
}

// Go parks for nearly every message and C for many, and Go is met at every step of it: C answers
// when it sees the announcement, some instructions sooner or later each time. A wake-up
// that is lost is a hang.
func TestNoWakeUpIsLost(t *testing.T) {
	const count = 5000
	binary := compile(t)
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			c, conn := meet(t, binary, role, settings{4096, 4096, -1}, "")
			c.order("late %d", count)
			for i := range count {
				want := message(i, i%100)
				check(t, conn.Send(t.Context(), want))
				if got, err := conn.Receive(t.Context()); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("message %d: %q, %v", i, got, err)
				}
			}
			c.hears("ok")
			if p := c.parks(); p.cData < count/100 || p.goData < count/2 {
				t.Errorf("%+v of %d messages", p, count)
			}
		})
	}
}

// Two C programs: the one that waits parks at once, and the other meets it around that
// moment, a little sooner or later each time.
func TestNoWakeUpIsLostInC(t *testing.T) {
	const count = 30_000
	binary, path := compile(t), filepath.Join(alone(t), "x")
	waiter := peer{kithtest.Peer(t, exec.Command(binary, settings{4096, 4096, -1}.args("listen", path)...)).Start(), t}
	waiter.hears("listening")
	notifier := peer{kithtest.Peer(t, exec.Command(binary, settings{4096, 4096, 0}.args("dial", path)...)).Start(), t}
	waiter.hears("ok")
	notifier.hears("ok")
	notifier.order("vary %d", count)
	waiter.do("ok", "drive %d 8", count)
	notifier.hears("ok")
	if p := waiter.parks(); p.cData < count/10 {
		t.Errorf("%+v of %d messages", p, count)
	}
}

// A sender waits for room, on either side, and goes on when there is some.
func TestBackPressure(t *testing.T) {
	binary := compile(t)
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			c, conn := meet(t, binary, role, settings{4096, 1 << 20, -1}, "?ring=4k")
			for size, count := range map[int]int{0: 1000, 900: 1000, 1024: 1000, 100_000: 10} {
				c.order("flood %d %d", count, size)
				c.hears("parked")
				check(t, receive(t, conn, count, size))
				c.hears("ok")

				sending := kithtest.Go(func() error { return send(t, conn, count, size) })
				check(t, sending.Parked())
				c.do("ok", "starve %d %d", count, size)
				check(t, sending.Wait())
			}
			if p := c.parks(); p.cRoom < 100 || p.goRoom < 100 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// Both directions at once, by two threads of either side, with small rings.
func TestBothAtOnce(t *testing.T) {
	for name, flags := range map[string][]string{"plain": nil, "concurrent": {"-fsanitize=thread", "-Wno-tsan"}} {
		binary := compile(t, flags...)
		for _, role := range roles {
			t.Run(name+" "+role, func(t *testing.T) {
				c, conn := meet(t, binary, role, settings{4096, 1 << 20, 0}, "?ring=4k")
				for _, size := range []int{10, 1000, 10_000} {
					c.order("both 3000 %d", size)
					sending := kithtest.Go(func() error { return send(t, conn, 3000, size) })
					check(t, receive(t, conn, 3000, size))
					check(t, sending.Wait())
					c.hears("ok")
				}
			})
		}
	}
}

// Go's calls without a copy, against the peer's.
func TestInPlace(t *testing.T) {
	c, conn := meet(t, compile(t), "dial", settings{ring, 1 << 20, 0}, "?ring=64k")
	for _, size := range []int{0, 1, 64, 4096, ring / 4} {
		const count = 100
		c.order("lease %d %d", count, size)
		for i := range count {
			room, err := conn.Reserve(t.Context(), size)
			check(t, err)
			copy(room, message(i, size))
			check(t, conn.Commit(t.Context(), size))
		}
		c.hears("ok")
		c.order("place %d %d", count, size)
		check(t, leaseAll(t, conn, count, size))
		c.hears("ok")
	}
}

// What was not lent cannot be committed: the peer sees only what was sent.
func TestCommitOfNothing(t *testing.T) {
	const invalid = "Invalid argument"
	c, conn := meet(t, compile(t), "dial", settings{ring, 1 << 20, 0}, "")
	c.do(invalid, "commit 0 0")
	c.do(invalid, "more 0 100")
	c.do("ok", "place 1 100")
	c.do(invalid, "commit 0 0") // a loan is for one message
	c.do(invalid, "undo 0 100")
	check(t, receive(t, conn, 1, 100))
	check(t, receive(t, conn, 1, 100))
	c.do("ok", "goodbye")
	c.do(invalid, "commit 0 0")
	if m, err := conn.Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("%d bytes, %v", len(m), err)
	}
}

func leaseAll(t *testing.T, conn *kith.Conn, count, size int) error {
	for i := range count {
		lease, err := conn.Lease(t.Context())
		if err != nil {
			return err
		}
		if !bytes.Equal(lease.Bytes(), message(i, size)) {
			return fmt.Errorf("message %d of %d bytes changed", i, size)
		}
		lease.Release()
	}
	return nil
}
