package sem_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"kith/ipc"
	"kith/sem"
)

// Three tickets, of which one needs two at once: all or nothing. What a process
// holds with Undo is given back if it dies.
func ExampleSet() {
	ctx := context.Background()
	tickets, err := sem.CreateSet(ipc.Private, 0o600, 3)
	if err != nil {
		log.Fatal(err)
	}
	defer tickets.Remove()

	if err := tickets.Do(ctx, sem.Op{Change: -2, Flags: sem.Undo}); err != nil {
		log.Fatal(err)
	}
	err = tickets.TryDo(sem.Op{Change: -2, Flags: sem.Undo})
	fmt.Println("two more:", errors.Is(err, sem.ErrBusy))

	if err := tickets.Do(ctx, sem.Op{Change: 2, Flags: sem.Undo}); err != nil {
		log.Fatal(err)
	}
	left, err := tickets.Value(0)
	fmt.Println(left, err)
	// Output:
	// two more: true
	// 3 <nil>
}

// One waits until another, as a rule in another process, has done its part. A C
// program would call sem_open("/kith-example", 0) and sem_post.
func ExampleSemaphore() {
	ready, err := sem.Create("/kith-example", 0, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	defer sem.Unlink("/kith-example")
	defer ready.Close()

	go func() {
		other, err := sem.Open("/kith-example")
		if err != nil {
			log.Fatal(err)
		}
		defer other.Close()
		fmt.Println("done")
		if err := other.Post(); err != nil {
			log.Fatal(err)
		}
	}()
	if err := ready.Wait(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("waited")
	// Output:
	// done
	// waited
}
