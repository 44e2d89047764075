// A gRPC server, and a client of it, over shared memory.
//
//	cd examples/grpc
//	go run . serve shm:counter
//	go run . say shm:counter hello
//	go run . count shm:counter 3
//	go run . chat shm:counter          # lines from the terminal, each answered
//
// Ctrl-C, or SIGTERM, ends the server when the calls that it has begun are done.
//
// What to learn from it:
//
//   - gRPC does not know what it runs over. A server takes its net.Listener from kith.ListenNet,
//     a client gets a dialer, kith.DialNet (client.go). All else is as anywhere: streams,
//     deadlines, cancellation, flow control.
//   - The address says how: the same two programs meet at unix:counter or tcp:127.0.0.1:7000.
//   - Whom the kernel lets in is decided before gRPC speaks: by default the same user alone. So
//     credentials of gRPC's own say nothing more here, and it gets "insecure" ones.
//   - A target is passthrough:///ADDRESS: an address of kith's is nothing to look up.
//   - A server that is killed fails its calls with Unavailable. A client keeps trying, ever more
//     rarely, and finds the next server under the same name; a call with WaitForReady waits for it.
//   - A message is 4 MiB at most unless both sides say otherwise (MaxCallRecvMsgSize); it
//     may be larger than the ring, through which it goes in pieces.
//
// The module is one of its own, so that nobody who uses kith needs gRPC.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: grpc serve ADDRESS | say ADDRESS TEXT | count ADDRESS N | chat ADDRESS")

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	command, address := args[0], args[1]
	if command == "serve" && len(args) == 2 {
		return serve(ctx, address)
	}
	c, err := newClient(address)
	if err != nil {
		return err
	}
	defer c.Close()
	switch {
	case command == "say" && len(args) == 3:
		answer, err := c.Say(ctx, []byte(args[2]))
		if err == nil {
			fmt.Printf("%s\n", answer)
		}
		return err
	case command == "count" && len(args) == 3:
		n, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return err
		}
		return c.count(ctx, n)
	case command == "chat" && len(args) == 2:
		return c.chat(ctx, os.Stdin)
	}
	return errUsage
}
