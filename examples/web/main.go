// A web server, and a client of it, over shared memory.
//
//	go run ./examples/web serve shm:web ./docs
//	go run ./examples/web get shm:web /hello/neighbour
//	go run ./examples/web get shm:web /files/layout.md
//	go run ./examples/web put shm:web /sum <go.mod
//	go run ./examples/web watch shm:web
//
// Ctrl-C, or SIGTERM, ends the server when it has answered those whom it has heard.
//
// What to learn from it:
//
//   - net/http does not know what it runs over. The server differs from others by one line,
//     the client by one function: they get their net.Listener and their net.Conn elsewhere.
//   - The address says how: the same two programs meet at unix:web or tcp:127.0.0.1:8080 as well.
//     (Kith frames what it carries, so a browser cannot come: it does not speak to kith.)
//   - The host in a URL says nothing here, as with any Unix socket; net/http wants one, and
//     keeps connections apart by it.
//   - One http.Client serves the whole program, and keeps its connections for the
//     next request: one costs two descriptors a side, and two rings of 256 KiB.
//   - A file goes out in one copy: net/http hands it to the connection (io.ReaderFrom), which
//     reads it into the memory where the client finds it.
//   - A client that leaves, or is killed, ends the context of its request. A
//     server that is killed fails its clients' requests, with kith.ErrPeerDied; the next
//     server takes the name over, and the same http.Client finds it there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
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

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "serve":
		return serve(ctx, args[1], args[2])
	case len(args) == 3 && args[0] == "get":
		return get(ctx, newClient(args[1]), args[2])
	case len(args) == 3 && args[0] == "put":
		return put(ctx, newClient(args[1]), args[2], os.Stdin)
	case len(args) == 2 && args[0] == "watch":
		return watch(ctx, newClient(args[1]))
	}
	return errors.New("usage: web serve ADDRESS FOLDER | web get ADDRESS PATH | web put ADDRESS PATH | web watch ADDRESS")
}
