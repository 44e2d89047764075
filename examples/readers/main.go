// One writer and many readers of a shared file, in two ways.
//
//	go run ./examples/readers write /tmp/stock 1000 &   # 1000 versions, under locks
//	go run ./examples/readers read /tmp/stock           # the version that it found
//
//	go run ./examples/readers replace /tmp/price 1000 & # the same without locks
//	go run ./examples/readers look /tmp/price
//
// A version is a record of 1 MiB which repeats its number, so that a reader can
// tell if it is torn: made of two.
//
// What to learn from it:
//
//   - Readers share a lock. As long as some reader always has it, the writer never
//     gets it, although each reader has it for a moment only: it starves. So all
//     pass a gate first, one at a time. The writer keeps the gate closed while it
//     waits and writes: readers that come later wait before it, those inside leave,
//     and the writer is in.
//   - Locks are not fair. Who gives one up and asks for it again at once often has it
//     before those whom the kernel woke for it, and could starve them. So the writer
//     pauses between two versions.
//   - The gate is an exclusive lock by flock, which needs no right to write the file;
//     an exclusive record lock would. The two kinds do not see each other.
//   - A lock ends with its holder, but what a writer wrote before it was killed
//     stays. So the writer writes beside the version that holds, and one short write
//     at the end makes the new one hold (as databases do).
//   - A rename needs none of this. Whoever has opened the file keeps the old version,
//     whole, and whoever opens it later has the new one. It costs a new file each
//     time, and is for the whole file, not for parts; two writers would undo each
//     other's work, so they still need a lock.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"kith/lock"
)

// The file of `write`: 8 bytes with the number of the version that holds, and two
// places for versions, odd and even, from byte 4096 on.
const (
	recordSize = 1 << 20
	places     = 4096
)

var errTorn = errors.New("a torn record")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: write FILE N | read FILE [wait] | replace FILE N | look FILE")
	}
	switch command, path := args[0], args[1]; {
	case command == "write" && len(args) == 3:
		return times(args[2], func() error { return write(ctx, path) })
	case command == "replace" && len(args) == 3:
		return times(args[2], func() error { return replace(ctx, path) })
	case command == "read":
		return read(ctx, path, len(args) == 3)
	case command == "look":
		return look(path)
	}
	return fmt.Errorf("no command %q", args)
}

// times does it so often, with a pause in which others have their turn.
func times(text string, f func() error) error {
	n, err := strconv.Atoi(text)
	pause := time.Tick(time.Millisecond)
	for range n {
		if err := f(); err != nil {
			return err
		}
		<-pause
	}
	return err
}

// write writes the next version.
func write(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer file.Close() // gives up both locks
	if _, err := enter(ctx, file, lock.Exclusive); err != nil {
		return err
	}
	version, err := holds(file)
	if err != nil {
		return err
	}
	version++
	if err := record(io.NewOffsetWriter(file, placeOf(version)), version); err != nil {
		return err
	}
	// Who must survive a power failure calls file.Sync here, and again below.
	_, err = file.WriteAt(binary.BigEndian.AppendUint64(nil, version), 0)
	return err
}

// enter passes the gate, locks the data, and returns the gate, which is still closed
// to all others.
func enter(ctx context.Context, file *os.File, mode lock.Mode) (gate *lock.Lock, err error) {
	gate, err = lock.On(file, lock.Flock).Lock(ctx, lock.Exclusive, lock.Whole)
	if err == nil {
		_, err = lock.On(file, lock.OFD).Lock(ctx, mode, lock.Whole)
	}
	return gate, err
}

// holds is the version that holds: 0 in a new file.
func holds(file *os.File) (uint64, error) {
	number := make([]byte, 8)
	if info, err := file.Stat(); err != nil || info.Size() == 0 {
		return 0, err
	}
	_, err := file.ReadAt(number, 0)
	return binary.BigEndian.Uint64(number), err
}

func placeOf(version uint64) int64 { return places + int64(version%2)*recordSize }

// record writes a version. It takes many calls, and can be killed between them.
func record(to io.Writer, version uint64) error {
	buffered := bufio.NewWriter(to)
	number := binary.BigEndian.AppendUint64(nil, version)
	for range recordSize / len(number) {
		if _, err := buffered.Write(number); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// read reads the version that holds. With wait it keeps its lock until it gets a
// line, to be looked at by lslocks(8).
func read(ctx context.Context, path string, wait bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	gate, err := enter(ctx, file, lock.Shared)
	if err == nil {
		err = gate.Unlock() // for the next one: the writer, it may be
	}
	if err != nil {
		return err
	}
	version, err := holds(file)
	if err != nil {
		return err
	}
	bytes := make([]byte, recordSize)
	if version > 0 {
		if _, err := file.ReadAt(bytes, placeOf(version)); err != nil {
			return err
		}
	}
	if wait {
		fmt.Println("reading")
		_, _ = fmt.Scanln()
	}
	return tell(bytes, version)
}

// tell prints the version, unless something is wrong with it.
func tell(bytes []byte, version uint64) error {
	for ; len(bytes) >= 8; bytes = bytes[8:] {
		if binary.BigEndian.Uint64(bytes) != version {
			return errTorn
		}
	}
	fmt.Println(version)
	return nil
}

// replace puts the next version in the file's place. A lock of its own keeps two
// writers apart, and stays beside the file.
func replace(ctx context.Context, path string) error {
	only, err := lock.At(path+".lock", lock.Flock).Lock(ctx, lock.Exclusive, lock.Whole)
	if err != nil {
		return err
	}
	return errors.Join(swap(path), only.Unlock())
}

// swap may be killed before the rename: the next one writes over what it has left.
func swap(path string) error {
	version := uint64(0)
	if old, err := os.ReadFile(path); err == nil && len(old) >= 8 {
		version = binary.BigEndian.Uint64(old)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	// Who must survive a power failure syncs the file here, and the directory below.
	if err := errors.Join(record(file, version+1), file.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// look needs no lock: it opens the file once, and that is one version.
func look(path string) error {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(bytes) != recordSize {
		return errTorn
	}
	return tell(bytes, binary.BigEndian.Uint64(bytes))
}
