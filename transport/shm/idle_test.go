package shm

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"kith/internal/kithtest"
)

// held counts this process's descriptors, and its mappings of segments.
func held(t *testing.T) (descriptors, mappings int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries), strings.Count(string(maps), "/memfd:kith ")
}

// Descriptors and mappings run out first: a connection has two sockets and
// four mappings a side, and none of them once both sides have closed.
func TestIdleConnectionHolds(t *testing.T) {
	before := kithtest.Hold()
	descriptors, mappings := held(t)
	const connections = 10
	var conns []*conn
	for range connections {
		a, b := joinBoth(t, 4096, 4096)
		conns = append(conns, a, b)
	}
	moreDescriptors, moreMappings := held(t)
	if got, want := moreDescriptors-descriptors, 2*2*connections; got != want {
		t.Errorf("%d connections hold %d descriptors, want %d", connections, got, want)
	}
	if got, want := moreMappings-mappings, 2*4*connections; got != want {
		t.Errorf("%d connections hold %d mappings, want %d", connections, got, want)
	}
	for _, c := range conns {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// Each side chooses the ring that it writes.
func TestRingsOfDifferentSizes(t *testing.T) {
	for _, sizes := range [][2]int{{4096, 64 << 10}, {64 << 10, 4096}, {4096, 1 << 20}} {
		a, b := joinBoth(t, sizes[0], sizes[1])
		for _, way := range []struct{ from, to *conn }{{a, b}, {b, a}} {
			for _, size := range []int{0, 1, 1024, 1025, 16 << 10, 16<<10 + 1, 300_000} {
				msg := bytes.Repeat([]byte{byte(size) | 1}, size)
				send := kithtest.Go(func() error { return way.from.Send(t.Context(), msg) })
				got, err := way.to.Receive(t.Context())
				if err != nil || !bytes.Equal(got, msg) {
					t.Errorf("rings %v: %d of %d bytes, %v", sizes, len(got), size, err)
				}
				if err := send.Wait(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
