package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sem"
)

// The twin makes each call, and refuses what it does not know.
func TestCallsTwin(t *testing.T) {
	at := newGrounds(t)
	for _, call := range kernelCalls {
		for _, c := range []*caller{at.twin, at.alone} {
			if c.measure(t, call.name, 3) <= 0 {
				t.Errorf("no time for %s", call.name)
			}
		}
	}
	if err := at.twin.Say("nonsense 1"); err != nil {
		t.Fatal(err)
	}
	if line, err := at.twin.Hear(); err == nil {
		t.Errorf("it measured nonsense: %s", line)
	}
	if at.twin.Wait() == nil {
		t.Error("nonsense was no error")
	}
}

// grounds are what the calls are made on: a file on the file system of TMPDIR,
// and a set of one semaphore.
type grounds struct {
	path        string
	file        *os.File
	set         *sem.Set
	cpu         int
	twin, alone *caller
}

func newGrounds(b testing.TB) *grounds {
	at := &grounds{path: filepath.Join(b.TempDir(), "lock"), cpu: place(b).Leader}
	var err error
	if at.file, err = os.Create(at.path); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { at.file.Close() })
	if at.set, err = sem.CreateSet(ipc.Private, 0o600, 1); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = at.set.Remove() })
	at.twin, at.alone = newCaller(b, at, 2), newCaller(b, at, 1)
	return at
}

// A caller is the C program.
type caller struct{ *kithtest.Child }

func newCaller(b testing.TB, at *grounds, threads int) *caller {
	return &caller{kithtest.C(b, "../clients/c/calls.c", strconv.Itoa(at.cpu), strconv.Itoa(threads),
		at.path, strconv.Itoa(at.set.ID())).Start()}
}

// measure is the time of one call in nanoseconds.
func (c *caller) measure(b testing.TB, name string, count int) float64 {
	if err := c.Say(fmt.Sprintf("%s %d", name, count)); err != nil {
		b.Fatal(err)
	}
	each, err := strconv.ParseFloat(heard(b, c.Child), 64)
	if err != nil {
		b.Fatal(err)
	}
	return each
}
