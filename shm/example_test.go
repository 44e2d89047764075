package shm_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"kith/ipc"
	"kith/shm"
)

// Memory for a peer: written by its maker alone, and sealed, so that the peer can
// rely on it. Pass the descriptor by package sock, or to a child.
func Example() {
	segment, err := shm.CreateMemfd("example", 4096)
	if err != nil {
		log.Fatal(err)
	}
	defer segment.Close()
	if err := segment.Seal(shm.WriterSeals); err != nil {
		log.Fatal(err)
	}

	peer, err := shm.OpenMemfd(segment.File(), 4096, shm.WriterSeals, shm.ReadOnly)
	if err != nil {
		log.Fatal(err)
	}
	defer peer.Close()
	if _, err := segment.WriteAt([]byte("the maker can still write"), 0); err != nil {
		log.Fatal(err)
	}
	text := make([]byte, 25)
	if _, err := peer.ReadAt(text, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	fmt.Println(errors.Is(peer.File().Truncate(0), unix.EPERM))
	// Output:
	// the maker can still write
	// true
}

// A segment of System V, which outlives its processes, found by a key that all of
// them make of the same file.
func ExampleCreateSysV() {
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	key, err := ipc.Ftok(program, 'K')
	if err != nil {
		log.Fatal(err)
	}
	segment, err := shm.CreateSysV(key, 4096, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	defer segment.Close()

	another, err := shm.OpenSysV(key, shm.ReadOnly) // as another process does
	if err != nil {
		log.Fatal(err)
	}
	defer another.Close()
	stat, err := another.Stat()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stat.Size, "bytes, attached", stat.SysV.Attached, "times")
	fmt.Println(segment.Remove()) // who has it keeps it
	// Output:
	// 4096 bytes, attached 2 times
	// <nil>
}

// A POSIX segment with a counter, which any number of processes add to: in C, it
// would be an _Atomic uint64_t.
func ExampleOpenOrCreatePOSIX() {
	name := fmt.Sprintf("/kith-example-%d", os.Getpid())
	segment, created, err := shm.OpenOrCreatePOSIX(name, 4096, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	defer segment.Close()
	defer segment.Remove()

	view, err := segment.Acquire()
	if err != nil {
		log.Fatal(err)
	}
	defer view.Release()
	counter, err := view.Uint64(0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created, counter.Add(1))
	// Output:
	// true 1
}

// A file, mapped: what is written there is on the disk after Sync.
func ExampleCreateFile() {
	directory, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "table")
	segment, err := shm.CreateFile(path, 8, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	defer segment.Close()
	if _, err := segment.WriteAt([]byte("by store"), 0); err != nil {
		log.Fatal(err)
	}
	if err := segment.Sync(); err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(path)
	fmt.Printf("%s %v\n", text, err)
	// Output:
	// by store <nil>
}

// A peer that truncates the file cannot end us: a copy is an error.
func ExampleFaultError() {
	segment, err := shm.CreateMemfd("example", 8192)
	if err != nil {
		log.Fatal(err)
	}
	defer segment.Close()
	if err := segment.File().Truncate(4096); err != nil { // not sealed: whoever has it can
		log.Fatal(err)
	}
	_, err = segment.ReadAt(make([]byte, 4), 5000)
	var fault *shm.FaultError
	if errors.As(err, &fault) {
		fmt.Println("gone at byte", fault.Offset)
	}
	// Output:
	// gone at byte 5000
}
