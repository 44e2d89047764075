package lock

import (
	"context"
	"io"
	"os"
)

// Lockf is lockf(3) with F_LOCK: an exclusive POSIX lock on size bytes from the
// file's current offset, or before it where size is negative, or to the end of
// the file, however far it grows, where it is 0. The Lock keeps its bytes when the
// offset moves.
func Lockf(ctx context.Context, file *os.File, size int64) (*Lock, error) {
	span, err := fromOffset(file, size)
	if err != nil {
		return nil, err
	}
	return On(file, POSIX).Lock(ctx, Exclusive, span)
}

// TryLockf is lockf(3) with F_TLOCK, which does not wait: the error matches
// ErrBusy.
func TryLockf(file *os.File, size int64) (*Lock, error) {
	span, err := fromOffset(file, size)
	if err != nil {
		return nil, err
	}
	return On(file, POSIX).Try(Exclusive, span)
}

// TestLockf is lockf(3) with F_TEST: it returns who is in the way, or nil.
func TestLockf(file *os.File, size int64) (*Holder, error) {
	span, err := fromOffset(file, size)
	if err != nil {
		return nil, err
	}
	return On(file, POSIX).Holder(Exclusive, span)
}

func fromOffset(file *os.File, size int64) (Range, error) {
	offset, err := file.Seek(0, io.SeekCurrent)
	return Range{Start: offset, Length: size}, err
}
