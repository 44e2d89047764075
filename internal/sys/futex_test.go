package sys_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
)

func TestFutex(t *testing.T) {
	word, err := sys.Word32(page(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.FutexWait(word, 1, time.Hour); err != nil {
		t.Errorf("of another value: %v", err)
	}
	if err := sys.FutexWait(word, 0, time.Nanosecond); err != nil {
		t.Errorf("when the time is up: %v", err)
	}
	sleep := func() error { return sys.FutexWait(word, 0, time.Hour) }
	woken := kithtest.Go(func() error { return sys.Block(t.Context(), sleep, nil) })
	for n := 0; n == 0; { // until it sleeps
		if n, err = sys.FutexWake(word, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := woken.Wait(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	interrupted := kithtest.Go(func() error { return sys.Block(ctx, sleep, nil) })
	if err := interrupted.Parked(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := interrupted.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n, err := sys.FutexWake(word, 1); n != 0 || err != nil {
		t.Errorf("with nobody there, woke %d, %v", n, err)
	}
}

func TestFutexWithoutMemory(t *testing.T) {
	memory, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	word, err := sys.Word32(memory, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mprotect(memory, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	if err := sys.FutexWait(word, 0, time.Hour); !errors.Is(err, unix.EFAULT) {
		t.Errorf("%v, want EFAULT", err)
	}
}
