package shm_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/shm"
)

// A peer that was passed sealed memory reads what we write, and can rely on it.
func TestMemfdIsPassed(t *testing.T) {
	before := kithtest.Hold()
	s := segment(t)(shm.CreateMemfd("test", size))
	write(t, s, 0, "before the seals")
	if err := s.Seal(shm.WriterSeals); err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, "passed")
	child.Cmd.ExtraFiles = []*os.File{s.File()}
	child.Start()
	told(t, child, "", "before the seals")
	write(t, s, 0, "after the seals.")
	told(t, child, "again", "after the seals.")
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
	if stat, err := s.Stat(); err != nil || stat.Seals&shm.WriterSeals != shm.WriterSeals || !stat.Removed || stat.Kind != shm.KindMemfd {
		t.Errorf("%+v, %v", stat, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func passed([]string) error {
	file := os.NewFile(3, "memory")
	s, err := shm.OpenMemfd(file, size, shm.WriterSeals, shm.ReadOnly)
	if err != nil {
		return err
	}
	_ = file.Close()
	for i := range 2 {
		if i == 1 {
			_ = kithtest.Hear()
		}
		text := make([]byte, 16)
		if _, err := s.ReadAt(text, 0); err != nil {
			return err
		}
		kithtest.Say(string(text))
	}
	if err := s.File().Truncate(0); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("truncate: %w", err)
	}
	if err := s.Seal(0); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("seal: %w", err)
	}
	return s.Close()
}

// What memfd_create(2), fcntl(2) and mmap(2) say of memfds.
func TestMemfdErrors(t *testing.T) {
	before := kithtest.Hold()
	s := segment(t)(shm.CreateMemfd("test", size))
	busy, unsealed := s.Seal(unix.F_SEAL_WRITE), drop(shm.OpenMemfd(s.File(), size, shm.WriterSeals, shm.ReadOnly))
	if err := s.Seal(shm.WriterSeals); err != nil {
		t.Fatal(err)
	}
	closed := memfd(t, size, 0)
	_ = closed.Close()
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"seal what is mapped to write", busy, unix.EBUSY},
		{"open what is not sealed", unsealed, shm.ErrUnsealed},
		{"open another size", drop(shm.OpenMemfd(s.File(), size-1, shm.WriterSeals, shm.ReadOnly)), shm.ErrUnsealed},
		{"open to write", drop(shm.OpenMemfd(s.File(), size, shm.WriterSeals, shm.ReadWrite)), unix.EPERM},
		{"map to write", drop(shm.Map(s.File(), 0, size, shm.ReadWrite)), unix.EPERM},
		{"map to grow", drop(shm.Map(s.File(), 0, size+1, shm.ReadWrite)), unix.EPERM},
		{"open no bytes", drop(shm.OpenMemfd(s.File(), 0, 0, shm.ReadOnly)), unix.EINVAL},
		{"open a closed file", drop(shm.OpenMemfd(closed, size, 0, shm.ReadOnly)), os.ErrClosed},
		{"no bytes", drop(shm.CreateMemfd("x", 0)), unix.EINVAL},
		{"a long name", drop(shm.CreateMemfd(strings.Repeat("n", 250), 1)), unix.EINVAL},
		{"more than memory", drop(shm.CreateMemfd("x", 1<<43)), unix.ENOMEM},
		{"seal again", s.Seal(unix.F_SEAL_WRITE), unix.EPERM},
		{"remove", s.Remove(), unix.ENOENT},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.err, c.want)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// Without seals, whoever has the memory can take it away: an error here too.
func TestMemfdTruncated(t *testing.T) {
	s := segment(t)(shm.CreateMemfd("test", size))
	if err := s.File().Truncate(0); err != nil {
		t.Fatal(err)
	}
	_, err := s.WriteAt([]byte("x"), 5)
	if want := "write: at byte 5: the memory is gone"; !errors.Is(err, shm.ErrTruncated) || !strings.HasPrefix(fmt.Sprint(err), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
