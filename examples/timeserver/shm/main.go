// A time server by shared memory: the server writes the time into a System V
// segment (package shm), and a set of two semaphores keeps server and clients
// apart (package sem).
//
//	touch /tmp/time.key
//	go run ./examples/timeserver/shm serve /tmp/time.key &
//	go run ./examples/timeserver/shm ask /tmp/time.key
//
// The file holds nothing: it stands for the key (ftok(3)).
//
// What to learn from it:
//
//   - Memory has no order of its own: without the semaphore, a client could read half
//     of the old time and half of the new.
//   - System V objects outlive their processes. A killed server leaves both behind,
//     and the next one must take over what it finds. `ipcs` lists them.
//   - Who is killed between taking a semaphore and giving it back keeps it for ever,
//     unless it asked the kernel to undo that (Undo). A POSIX semaphore has no undo.
//   - But what the dead one was writing is not undone: half a time may be in the
//     memory, and the semaphore free. So there is a word that says it is whole.
//   - Several operations are done at once, or not at all. So "wait until nobody
//     serves, and serve" leaves no gap for a second server.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/ipc"
	"kith/sem"
	"kith/shm"
)

// The semaphores of the set.
const (
	mutex = 0 // 1: nobody uses the memory
	alive = 1 // 1: a server lives
)

// The segment: a word that is 1 while the time is whole, and the time in
// nanoseconds since 1970, each 8 bytes in this machine's order.
const (
	offsetWhole = 0
	offsetTime  = 8
	size        = 16
)

const tick = 100 * time.Millisecond

var (
	errNoServer = errors.New("no server: start one with `serve`")
	errServed   = errors.New("another server lives")
)

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
	key, err := ipc.Ftok(path, 't')
	if err != nil {
		return err
	}
	set, err := openSet(ctx, key)
	if err != nil {
		return err
	}
	segment, err := begin(ctx, set, key)
	if errors.Is(err, sem.ErrBusy) {
		return errServed
	} else if err != nil {
		return err
	}
	fmt.Println("serving", path)
	err = keepTime(ctx, set, segment)
	return errors.Join(err, segment.Remove(), segment.Close(), set.Remove()) // who waits is told (EIDRM)
}

// begin is a server's first write. Nobody reads in between: they would find a live
// server beside the last time of a dead one.
func begin(ctx context.Context, set *sem.Set, key ipc.Key) (segment *shm.Segment, err error) {
	err = locked(ctx, set, func() error {
		err := set.TryDo(sem.Op{Index: alive}, sem.Op{Index: alive, Change: 1, Flags: sem.Undo})
		if err == nil {
			segment, _, err = shm.OpenOrCreateSysV(key, size, 0o600)
		}
		if err == nil {
			err = write(segment, time.Now())
		}
		return err
	})
	return segment, err
}

// openSet makes the set, or takes over that of a server which was killed.
func openSet(ctx context.Context, key ipc.Key) (*sem.Set, error) {
	set, err := sem.CreateSet(key, 0o600, 1, 0)
	if !errors.Is(err, unix.EEXIST) {
		return set, err
	}
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	set, err = sem.OpenSet(limited, key)
	if !errors.Is(err, sem.ErrUnfinished) {
		return set, err
	}
	// Its maker was killed before it had given the set its values.
	if set, err = sem.FindSet(key); err == nil {
		err = set.Remove()
	}
	if err != nil {
		return nil, err
	}
	return sem.CreateSet(key, 0o600, 1, 0)
}

func keepTime(ctx context.Context, set *sem.Set, segment *shm.Segment) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			err := locked(ctx, set, func() error { return write(segment, time.Now()) })
			if err != nil && ctx.Err() == nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// locked calls f while nobody else uses the memory.
func locked(ctx context.Context, set *sem.Set, f func() error) error {
	if err := set.Do(ctx, sem.Op{Index: mutex, Change: -1, Flags: sem.Undo}); err != nil {
		return err
	}
	err := f()
	back := set.TryDo(sem.Op{Index: mutex, Change: 1, Flags: sem.Undo}) // adding never waits
	if removed(back) {
		return err // the server has ended, and there is nobody to keep out
	}
	return errors.Join(err, back)
}

func write(segment *shm.Segment, now time.Time) error {
	return errors.Join(
		store(segment, offsetWhole, 0),
		store(segment, offsetTime, uint64(now.UnixNano())),
		store(segment, offsetWhole, 1))
}

func store(segment *shm.Segment, offset int64, word uint64) error {
	_, err := segment.WriteAt(binary.NativeEndian.AppendUint64(nil, word), offset)
	return err
}

func ask(ctx context.Context, path string) error {
	key, err := ipc.Ftok(path, 't')
	if err != nil {
		return err
	}
	set, err := sem.FindSet(key)
	if err != nil {
		return ended(err)
	}
	return ended(locked(ctx, set, func() error { return read(key, set) }))
}

// ended says in one word that a server has cleaned up.
func ended(err error) error {
	if removed(err) {
		return errNoServer
	}
	return err
}

// removed: there is no such object, it was removed while we waited, or before.
func removed(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EIDRM) || errors.Is(err, unix.EINVAL)
}

func read(key ipc.Key, set *sem.Set) error {
	if servers, err := set.Value(alive); err != nil || servers == 0 {
		return errors.Join(err, errNoServer) // killed: what is in the memory is old
	}
	segment, err := shm.OpenSysV(key, shm.ReadOnly)
	if err != nil {
		return err
	}
	defer segment.Close()
	words := make([]byte, size)
	if _, err := segment.ReadAt(words, 0); err != nil {
		return err // smaller than a time: not a server's
	}
	if binary.NativeEndian.Uint64(words[offsetWhole:]) != 1 {
		return errNoServer // which was killed while it wrote
	}
	now := time.Unix(0, int64(binary.NativeEndian.Uint64(words[offsetTime:])))
	fmt.Println(now.UTC().Format(time.RFC3339Nano))
	return nil
}
