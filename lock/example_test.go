package lock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"kith/lock"
)

// One process at a time does the job; the lock file vanishes with it.
func ExampleAt() {
	path := filepath.Join(os.TempDir(), "kith-example.lock")
	job := lock.At(path, lock.Flock)
	l, err := job.Try(lock.Exclusive, lock.Whole)
	if err != nil {
		log.Fatal(err)
	}
	_, err = job.Try(lock.Exclusive, lock.Whole) // another process, or goroutine
	fmt.Println(errors.Is(err, lock.ErrBusy))

	fmt.Println(l.Remove())
	// Output:
	// true
	// <nil>
}

// A reader of some bytes waits at most a second for their writer.
func ExampleOn() {
	file, err := os.CreateTemp("", "kith-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()

	l, err := lock.On(file, lock.OFD).Lock(ctx, lock.Shared, lock.Range{Start: 100, Length: 20})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Mode(), l.Unlock())
	// Output: shared <nil>
}
