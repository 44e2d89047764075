package poll_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// newSet makes a set that waits for the reading end of a pipe.
func newSet(mode poll.Mode) (set *poll.Set, registration *poll.Registration, writer *os.File) {
	set, err := poll.New(poll.Epoll)
	if err != nil {
		log.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	registration, err = set.Add(reader, poll.Readable, mode)
	if err != nil {
		log.Fatal(err)
	}
	return set, registration, writer
}

// Whatever is ready, one after the other.
func Example() {
	set, _, writer := newSet(poll.Level)
	defer set.Close()

	fmt.Fprint(writer, "hello")
	_ = writer.Close()
	for event, err := range set.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if event.Ready&poll.Readable == 0 {
			fmt.Println(event.Ready)
			break
		}
		text := make([]byte, 16)
		n, err := event.Registration.Source().(io.Reader).Read(text)
		fmt.Printf("%s: %q, %v\n", event.Ready, text[:n], err)
	}
	// Output:
	// readable|hang-up: "hello", <nil>
	// hang-up
}

// An edge is told once: read until EAGAIN, as what is left is not told of.
func Example_edge() {
	set, registration, writer := newSet(poll.Edge)
	defer set.Close()
	source, err := registration.Source().SyscallConn()
	if err != nil {
		log.Fatal(err)
	}

	fmt.Fprint(writer, "hello")
	events := make([]poll.Event, 8)
	if _, err := set.Wait(context.Background(), events); err != nil {
		log.Fatal(err)
	}
	_ = source.Control(func(fd uintptr) {
		text := make([]byte, 2)
		for {
			n, err := unix.Read(int(fd), text)
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Printf("%s\n", text[:n])
		}
	})
	n, err := set.TryWait(events)
	fmt.Println(n, err)
	// Output:
	// he
	// ll
	// o
	// resource temporarily unavailable
	// 0 <nil>
}

// A one-shot is told to one of those who wait, who has the source to itself until it
// calls Modify.
func ExampleRegistration_Modify() {
	set, registration, writer := newSet(poll.OneShot)
	defer set.Close()

	fmt.Fprint(writer, "hello")
	events := make([]poll.Event, 8)
	for range 2 {
		n, err := set.TryWait(events)
		fmt.Println(n, err)
	}
	if err := registration.Modify(poll.Readable); err != nil { // it was not read
		log.Fatal(err)
	}
	n, err := set.TryWait(events)
	fmt.Println(n, err)
	// Output:
	// 1 <nil>
	// 0 <nil>
	// 1 <nil>
}

// Another goroutine has work for the one that waits.
func ExampleSet_Wake() {
	set, _, _ := newSet(poll.Level)
	defer set.Close()

	work := make(chan string, 1)
	go func() {
		work <- "look at the configuration"
		_ = set.Wake()
	}()
	n, err := set.Wait(context.Background(), make([]poll.Event, 8))
	fmt.Println(n, err, <-work)
	// Output: 0 <nil> look at the configuration
}

// A deadline of less than a millisecond is kept by the kernel's timers.
func ExampleSet_Wait_deadline() {
	set, _, _ := newSet(poll.Level)
	defer set.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Microsecond)
	defer cancel()
	_, err := set.Wait(ctx, make([]poll.Event, 8))
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}
