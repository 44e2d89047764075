package shm

import (
	"context"
	"errors"
	"os"
	"testing"

	"kith/driver"
	"kith/internal/kithtest"
	"kith/ring"
	"kith/sock"
)

func init() { kithtest.Register(map[string]kithtest.Func{"look": look}) }

func options(ring int) Options { return Options{Limit: 1 << 20, Ring: ring} }

// joinBoth makes both sides of a connection in this process, with rings of the sizes.
func joinBoth(t testing.TB, left, right int) (a, b *conn) {
	t.Helper()
	one, other, err := sock.Pair(sock.Packet)
	if err != nil {
		t.Fatal(err)
	}
	var offered driver.Conn
	offer := kithtest.Go(func() (err error) {
		offered, err = Offer(context.Background(), one, driver.Address{}, options(left))
		return err
	})
	answered, err := Answer(context.Background(), other, driver.Address{}, options(right))
	if err := errors.Join(err, offer.Wait()); err != nil {
		t.Fatal(err)
	}
	a, b = offered.(*conn), answered.(*conn)
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	return a, b
}

// joinChild makes one side here and the other in a child.
func joinChild(t *testing.T, name string, size int) (*kithtest.Child, *conn) {
	t.Helper()
	ours, theirs, err := sock.Pair(sock.Packet)
	if err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, name)
	child.Cmd.ExtraFiles = []*os.File{theirs}
	child.Start()
	_ = theirs.Close()
	c, err := Answer(t.Context(), ours, driver.Address{}, options(size))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return child, c.(*conn)
}

// announced reports whether a side's receiver is parked, or about to.
func announced(c *conn) bool {
	const asked = 1
	return ring.NewSegment(c.own, len(c.own)/2-ring.ControlSize/2).WantsData.Load()&3 == asked
}
