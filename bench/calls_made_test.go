package bench

import (
	"context"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/lock"
	"kith/sem"
)

func lockOpenFile(kind lock.Kind) func(*testing.B, *grounds) repeated {
	return func(_ *testing.B, at *grounds) repeated {
		return locking(lock.On(at.file, kind))
	}
}

func lockFile(_ *testing.B, at *grounds) repeated {
	return locking(lock.At(at.path, lock.Flock))
}

func locking(target *lock.Target) repeated {
	return func(ctx context.Context, count int) error {
		for range count {
			held, err := target.Lock(ctx, lock.Exclusive, lock.Whole)
			if err != nil {
				return err
			}
			if err := held.Unlock(); err != nil {
				return err
			}
		}
		return nil
	}
}

func operate(_ *testing.B, at *grounds) repeated {
	return func(ctx context.Context, count int) error {
		for range count {
			if err := at.set.Do(ctx, sem.Op{Change: -1}); err != nil {
				return err
			}
			if err := at.set.Do(ctx, sem.Op{Change: 1}); err != nil {
				return err
			}
		}
		return nil
	}
}

func waitAndPost(b *testing.B, _ *grounds) repeated {
	memory, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Munmap(memory) })
	semaphore, err := sem.Init(memory, 1)
	if err != nil {
		b.Fatal(err)
	}
	return func(ctx context.Context, count int) error {
		for range count {
			if err := semaphore.Wait(ctx); err != nil {
				return err
			}
			if err := semaphore.Post(); err != nil {
				return err
			}
		}
		return nil
	}
}
