// A time server by a file: the server writes the time into it, whoever wants to
// know reads it, and record locks keep them apart (package lock).
//
//	go run ./examples/timeserver/file serve /tmp/time &
//	go run ./examples/timeserver/file ask /tmp/time
//
// What to learn from it:
//
//   - A lock is advice. It keeps out who asks for it too, and nobody else: readers
//     need a lock as much as the writer does.
//   - Record locks cover bytes, and the bytes need not exist. So a byte that is never
//     written can stand for something: here, byte 1000 is locked while the server
//     lives. The kernel gives up the locks of the dead, so this sign cannot be stale,
//     as a file with a PID can.
//   - What a dead server wrote last looks as good as any. Ask whether it lives.
//   - Old record locks (POSIX) are lost when anything in the process closes the file,
//     and are no locks between goroutines. OFD locks have neither trap.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"kith/lock"
)

// The file: the time in RFC 3339, in UTC, which is always as many bytes.
const layout = "2006-01-02T15:04:05.000000000Z"

var (
	record = lock.Range{Start: 0, Length: int64(len(layout))}
	alive  = lock.Range{Start: 1000, Length: 1} // no byte that is ever written
)

const tick = 100 * time.Millisecond

var errNoServer = errors.New("no server: start one with `serve`")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(ctx, os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "ask":
		err = ask(ctx, os.Args[2])
	default:
		err = errors.New("usage: serve FILE | ask FILE")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer file.Close() // gives up all locks: the file stays, and says of itself that nobody serves it
	if err := locked(ctx, file, begin); err != nil {
		return err // ErrBusy: another server lives
	}
	fmt.Println("serving", path)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := locked(ctx, file, write); err != nil && ctx.Err() == nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// locked calls f while nobody else reads or writes the record.
func locked(ctx context.Context, file *os.File, f func(*os.File) error) error {
	l, err := lock.On(file, lock.OFD).Lock(ctx, lock.Exclusive, record)
	if err != nil {
		return err
	}
	return errors.Join(f(file), l.Unlock())
}

// begin is a server's first write. Nobody reads in between: they would find a live
// server beside the last time of a dead one.
func begin(file *os.File) error {
	if _, err := lock.On(file, lock.OFD).Try(lock.Exclusive, alive); err != nil {
		return err
	}
	return write(file)
}

// write is one short write into one page, which no SIGKILL cuts: the kernel looks
// for one between pages at the earliest. A record of many pages needs more care:
// see examples/readers.
func write(file *os.File) error {
	_, err := file.WriteAt([]byte(time.Now().UTC().Format(layout)), 0)
	return err
}

// ask shares its lock with all who ask, so they do not wait for each other.
func ask(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return errNoServer
	} else if err != nil {
		return err
	}
	defer file.Close() // gives up the lock
	target := lock.On(file, lock.OFD)
	if _, err := target.Lock(ctx, lock.Shared, record); err != nil {
		return err
	}
	if server, err := target.Holder(lock.Shared, alive); err != nil || server == nil {
		return errors.Join(err, errNoServer)
	}
	answer := make([]byte, record.Length)
	if _, err := file.ReadAt(answer, 0); err != nil {
		return err
	}
	fmt.Printf("%s\n", answer)
	return nil
}
