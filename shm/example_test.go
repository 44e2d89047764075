package shm_test

import (
	"errors"
	"fmt"
	"log"

	"golang.org/x/sys/unix"

	"kith/shm"
)

// Memory for a peer: mapped for writing by its maker, then sealed, so that the
// peer can rely on it.
func Example() {
	file, err := shm.Memfd("example", 4096)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	memory, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Munmap(memory)
	fmt.Println(errors.Is(shm.Verify(file, 4096, shm.WriterSeals), shm.ErrUnsealed))

	if err := shm.Seal(file, shm.WriterSeals); err != nil {
		log.Fatal(err)
	}
	fmt.Println(shm.Verify(file, 4096, shm.WriterSeals)) // the peer, with the descriptor it got
	copy(memory, "the maker can still write")
	fmt.Println(errors.Is(file.Truncate(0), unix.EPERM))
	// Output:
	// true
	// <nil>
	// true
}
