package kith_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"

	"kith"
)

// A listener that answers each message, and a dialer. They would be two
// processes; in one, they are two goroutines.
func Example() {
	ctx := context.Background()
	listener, err := kith.Listen(ctx, "shm:example")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	go serve(ctx, listener)

	conn, err := kith.Dial(ctx, "shm:example")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Send(ctx, []byte("one large tea")); err != nil {
		log.Fatal(err)
	}
	answer, err := conn.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", answer)
	// Output: coming up: one large tea
}

func serve(ctx context.Context, listener *kith.Listener) {
	conn, err := listener.Accept(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for order, err := range conn.Messages(ctx) {
		if err != nil {
			log.Print(err) // kith.ErrPeerDied, if it was killed
			return
		}
		if err := conn.Send(ctx, append([]byte("coming up: "), order...)); err != nil {
			log.Print(err)
		}
	}
}

// CloseSend ends one direction; the other goes on. So a sender knows that the
// peer has taken everything.
func ExampleConn_CloseSend() {
	ctx := context.Background()
	listener, err := kith.Listen(ctx, "unix:example-sum?limit=1k")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept(ctx)
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		total := 0
		for msg := range conn.Messages(ctx) {
			total += len(msg)
		}
		_ = conn.Send(ctx, fmt.Append(nil, total, " bytes"))
	}()

	conn, err := kith.Dial(ctx, listener.Addr())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for _, part := range []string{"some ", "parts"} {
		if err := conn.Send(ctx, []byte(part)); err != nil {
			log.Fatal(err)
		}
	}
	if err := conn.CloseSend(); err != nil {
		log.Fatal(err)
	}
	answer, err := conn.Receive(ctx)
	fmt.Printf("%s %v\n", answer, err)
	_, err = conn.Receive(ctx)
	fmt.Println(errors.Is(err, io.EOF))
	// Output:
	// 10 bytes <nil>
	// true
}

// A process and its child, joined over shared memory without a name. The child
// here is the test binary itself.
func ExampleStart() {
	ctx := context.Background()
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "KITH_EXAMPLE_CHILD=1")
	conn, err := kith.Start(ctx, cmd)
	if err != nil {
		log.Fatal(err)
	}
	msg, err := conn.Receive(ctx)
	fmt.Printf("%s %v\n", msg, err)
	fmt.Println(conn.Close(), cmd.Wait())
	// Output:
	// hello, parent <nil>
	// <nil> <nil>
}

// exampleChild is the other side of ExampleStart.
func exampleChild() {
	ctx := context.Background()
	conn, err := kith.Parent(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Send(ctx, []byte("hello, parent")); err != nil {
		log.Fatal(err)
	}
}
