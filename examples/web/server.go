package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"time"

	"kith"
)

// serve serves until ctx ends.
func serve(ctx context.Context, address, folder string) error {
	l, err := kith.ListenNet(ctx, address) // elsewhere net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(ctx, folder)}
	down := make(chan error)
	context.AfterFunc(ctx, func() { down <- server.Shutdown(context.Background()) })
	fmt.Println("serving", l.Addr())
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return <-down // Serve returns as soon as nobody is let in any more
}

func routes(ctx context.Context, folder string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello,", r.PathValue("name"))
	})
	mux.HandleFunc("PUT /sum", sum)
	mux.Handle("GET /files/", http.StripPrefix("/files/", http.FileServer(http.Dir(folder))))
	mux.HandleFunc("GET /ticks", func(w http.ResponseWriter, r *http.Request) { ticks(ctx, w, r) })
	return mux
}

// sum says what it was sent. A body of any size passes through a buffer of 32 KiB.
func sum(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		return // the client has left
	}
	fmt.Fprintf(w, "%d bytes, %x\n", n, sum.Sum(nil))
}

// ticks is an answer without an end: a line now and then, each flushed, until the client
// leaves or the server ends.
func ticks(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for n := 1; ; n++ {
		fmt.Fprintln(w, "tick", n)
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		case <-r.Context().Done():
			fmt.Println("a watcher has left")
			return
		}
	}
}
