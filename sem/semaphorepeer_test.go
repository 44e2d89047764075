package sem_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sem"
)

// With C and with Python, on one named semaphore.

func TestTheyCreateWeOpen(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		name := unlinked(t)
		p.do("create %s 2 0600", name)
		s, err := sem.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, s, p)
		if _, err := sem.Create(name, 1, 0o600); !errors.Is(err, unix.EEXIST) {
			t.Errorf("made again: %v", err)
		}
	})
}

func TestWeCreateTheyOpen(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		name, s := newSemaphore(t, 2)
		p.do("open %s", name)
		exchange(t, s, p)
		p.do("unlink %s", name)
		if err := sem.Unlink(name); !errors.Is(err, unix.ENOENT) {
			t.Errorf("unlinked again: %v", err)
		}
	})
}

// exchange takes and gives back on both sides of a semaphore of 2.
func exchange(t *testing.T, s *sem.Semaphore, p peer) {
	t.Helper()
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.want("ok 1", "getvalue")
	p.do("wait")
	wantSemaphore(t, s, 0, 0)
	if err := s.TryWait(); !errors.Is(err, sem.ErrBusy) || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("with nothing left: %v", err)
	}
	if answer := p.ask("trywait"); answer != "error busy" && answer != fmt.Sprintf("errno %d", unix.EAGAIN) {
		t.Errorf("with nothing left, the peer said %q", answer)
	}
	if err := s.Post(); err != nil {
		t.Fatal(err)
	}
	p.do("trywait")
	p.do("post")
	p.do("post")
	wantSemaphore(t, s, 2, 0)
}

func TestWeHoldTheyWait(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		name, s := newSemaphore(t, 1)
		p.do("open %s", name)
		for range 20 {
			if err := s.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.tell("wait")
			asleep(t, s, 1)
			if err := s.Post(); err != nil {
				t.Fatal(err)
			}
			if answer := p.hear(); answer != "ok 0" {
				t.Fatal(answer)
			}
			wantSemaphore(t, s, 0, 0)
			p.do("post")
		}
	})
}

func TestTheyHoldWeWait(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		name, s := newSemaphore(t, 1)
		p.do("open %s", name)
		for range 20 {
			p.do("wait")
			call := kithtest.Go(func() error { return s.Wait(t.Context()) })
			if err := call.Parked(); err != nil {
				t.Fatal(err)
			}
			wantSemaphore(t, s, 0, 1)
			p.do("post")
			if err := call.Wait(); err != nil {
				t.Fatal(err)
			}
			wantSemaphore(t, s, 0, 0)
			if err := s.Post(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Nobody gives back what a dead holder had: our waiter goes when it is told to.
func TestTheyDieHolding(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		name, s := newSemaphore(t, 1)
		p.do("open %s", name)
		p.do("wait")
		ctx, cancel := context.WithCancel(t.Context())
		call := kithtest.Go(func() error { return s.Wait(ctx) })
		if err := call.Parked(); err != nil {
			t.Fatal(err)
		}
		p.Kill()
		wantSemaphore(t, s, 0, 1)
		cancel()
		if err := call.Wait(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		wantSemaphore(t, s, 0, 0)
	})
}

// One who died waiting stays in the number of waiters, and is in nobody's way.
func TestTheyDieWaiting(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		name, s := newSemaphore(t, 0)
		p.do("open %s", name)
		p.tell("wait")
		asleep(t, s, 1)
		p.Kill()
		call := kithtest.Go(func() error { return s.Wait(t.Context()) })
		if err := errors.Join(call.Parked(), s.Post(), call.Wait()); err != nil {
			t.Error(err)
		}
		wantSemaphore(t, s, 0, 1)
	})
}

// With C, on a semaphore without a name.

func TestTheyInitWeFind(t *testing.T) {
	path, page := memory(t)
	c := cPeer(t)
	c.do("init %s 2 1", path)
	s, err := sem.At(page)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, s, c)
}

func TestWeInitTheyFind(t *testing.T) {
	path, page := memory(t)
	s, err := sem.Init(page, 2)
	if err != nil {
		t.Fatal(err)
	}
	c := cPeer(t)
	c.do("at %s", path)
	exchange(t, s, c)
}

// A semaphore that its process keeps to itself would lose our wake-ups.
func TestPrivateIsRefused(t *testing.T) {
	path, page := memory(t)
	if _, err := sem.At(page); !errors.Is(err, sem.ErrNotSemaphore) {
		t.Errorf("memory of zeros: %v", err)
	}
	cPeer(t).do("init %s 2 0", path)
	if _, err := sem.At(page); !errors.Is(err, sem.ErrNotSemaphore) || !errors.Is(err, unix.EINVAL) {
		t.Errorf("a private one: %v", err)
	}
}

func TestOverflow(t *testing.T) {
	name, s := newSemaphore(t, sem.MaxValue)
	c := cPeer(t)
	c.do("open %s", name)
	c.want(fmt.Sprintf("errno %d", unix.EOVERFLOW), "post")
	err := s.Post()
	wantLimit(t, err, "SEM_VALUE_MAX", sem.MaxValue, unix.EOVERFLOW)
	wantSemaphore(t, s, sem.MaxValue, 0)
}
