//go:build !race

package sem_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sem"
)

// A file that is truncated under us is an error. (Under the race detector it is
// not: that makes atomic operations in C, where a signal is the end.)
func TestTruncated(t *testing.T) {
	sem.SetRelook(10 * time.Millisecond)
	defer sem.SetRelook(time.Hour)
	name, s := newSemaphore(t, 0)
	call := kithtest.Go(func() error { return s.Wait(t.Context()) })
	asleep(t, s, 1)
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	path, err := sem.Path(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	_, value := s.Value()
	_, waiters := s.Waiters()
	for what, err := range map[string]error{
		"a call that waits": call.Wait(), "Wait": s.Wait(t.Context()), "TryWait": s.TryWait(), "Post": s.Post(),
		"Value": value, "Waiters": waiters,
	} {
		if !errors.Is(err, sem.ErrGone) || !errors.Is(err, unix.EFAULT) || !pathError(err) {
			t.Errorf("%s: %v, want ErrGone", what, err)
		}
	}
	if _, err := sem.Open(name); !errors.Is(err, sem.ErrNotSemaphore) {
		t.Errorf("opened now: %v", err)
	}
	path, page := memory(t)
	unnamed, err := sem.Init(page, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	_, at := sem.At(page)
	_, again := sem.Init(page, 1)
	for what, err := range map[string]error{"Wait": unnamed.Wait(t.Context()), "At": at, "Init": again} {
		if !errors.Is(err, sem.ErrGone) {
			t.Errorf("%s without a name: %v, want ErrGone", what, err)
		}
	}
}

// A panic that is none of ours goes on.
func TestOtherPanicsGoOn(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was swallowed")
		}
	}()
	var s sem.Semaphore
	_ = s.Post()
}
