package transport

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/sys"
	"kith/lock"
)

// claim waits until it is this dialer's turn: until it holds the lock on the
// FIFO at path. The turn ends with the file.
//
// Who waits holds no thread. It keeps the FIFO open for reading, and whoever
// has the turn keeps it open for writing; the kernel releases a lock before it
// tells the readers that the last writer has gone, so the end of the file is
// the moment to try again.
func claim(ctx context.Context, path string) (turn *os.File, err error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		waiting, err := fifo.OpenReader(path)
		if err != nil {
			return nil, err
		}
		turn, err := tryClaim(path)
		if errors.Is(err, lock.ErrBusy) {
			err = lastWriterGone(ctx, waiting)
		}
		_ = waiting.Close()
		if err != nil || turn != nil {
			return turn, err
		}
	}
}

// tryClaim takes the lock if it is free, and returns nil where that was in vain:
// the listener has put another FIFO at path.
func tryClaim(path string) (*os.File, error) {
	turn, err := fifo.OpenWriter(path)
	if errors.Is(err, unix.ENXIO) {
		return nil, nil // another FIFO than the one we have open for reading
	}
	if err != nil {
		return nil, err
	}
	_, err = lock.On(turn, lock.Flock).Try(lock.Exclusive, lock.Whole) // until turn is closed
	if err == nil && stillAt(path, turn) {
		return turn, nil
	}
	_ = turn.Close()
	return nil, err
}

func lastWriterGone(ctx context.Context, waiting *os.File) error {
	bridge := sys.Bridge{SetDeadline: waiting.SetReadDeadline}
	bridge.Arm(ctx)
	defer bridge.Disarm()
	_, err := waiting.Read(make([]byte, 1))
	if err == nil || errors.Is(err, io.EOF) { // nobody writes here; a byte means no harm
		return nil
	}
	return bridge.Cause(ctx, err)
}
