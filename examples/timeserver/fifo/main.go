// A time server by FIFOs: one FIFO for all requests, and one for each client's
// answer, which the client makes (package fifo).
//
//	go run ./examples/timeserver/fifo serve /tmp/time.fifo &
//	go run ./examples/timeserver/fifo ask /tmp/time.fifo
//
// What to learn from it:
//
//   - All who have a FIFO open read from the same stream, so one FIFO for the answers
//     of all would give them to whoever comes first.
//   - Writes of up to PIPE_BUF bytes (4096) stay whole. Longer ones of several writers
//     are mixed.
//   - A reader sees the end of the file when the last writer goes, and before the
//     first one comes. Who is to wait for writers to come keeps the FIFO open for
//     writing as well (OpenBoth).
//   - Opening waits for the other side, for ever if that has died. OpenWriter does
//     not: without a reader the error is ENXIO, and "no reader" is how a stale
//     FIFO, of a server that was killed, is told from a live one.
//   - A server that opens paths which its clients name opens any path. Here a
//     request is a number, and the path is the server's.
//   - Both sides must be let into each other's FIFO. These have mode 0600, so server
//     and clients are one user's: a client of root's would get no answer.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/lock"
)

var errNoServer = errors.New("no server: start one with `serve`")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(ctx, os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "ask":
		err = ask(ctx, os.Args[2])
	default:
		err = errors.New("usage: serve FIFO | ask FIFO")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, path string) error {
	only, err := lock.At(path+".lock", lock.Flock).Try(lock.Exclusive, lock.Whole)
	if err != nil {
		return err // ErrBusy: another server lives
	}
	return errors.Join(serveAlone(ctx, path), only.Remove())
}

// serveAlone makes its FIFO anew. A killed server's must not be used again: a
// client of that one may have it open, and would wait for an answer that was lost.
// As nobody ever reads the old one again, that client can know.
func serveAlone(ctx context.Context, path string) error {
	if err := renew(path); err != nil {
		return err
	}
	defer os.Remove(path)
	requests, err := fifo.OpenBoth(path)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = requests.Close() })() // ends a read
	fmt.Println("serving", path)
	return answerAll(ctx, requests, path)
}

func answerAll(ctx context.Context, requests *os.File, path string) error {
	lines := bufio.NewReader(requests)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull): // which is no number either
			return err
		}
		if client, err := strconv.ParseUint(strings.TrimSpace(string(line)), 10, 32); err == nil {
			answer(answerPath(path, int(client)))
		}
	}
}

// renew makes a FIFO, in place of a stale one.
func renew(path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() == os.ModeNamedPipe {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return fifo.Make(path, 0o600)
}

func answerPath(path string, client int) string { return fmt.Sprintf("%s.%d", path, client) }

// answer waits for nobody to open: a client that died has no reader at its FIFO
// any more. Nor for room, which an empty FIFO has; one that the client has filled
// itself delays the others by a moment.
func answer(path string) {
	to, err := fifo.OpenWriter(path)
	if errors.Is(err, unix.ENXIO) {
		_ = os.Remove(path) // a dead client cannot do it
	}
	if err != nil {
		return
	}
	defer to.Close()
	_ = to.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	_, _ = fmt.Fprintln(to, time.Now().UTC().Format(time.RFC3339Nano))
}

func ask(ctx context.Context, path string) error {
	server, err := fifo.OpenWriter(path)
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENOENT) {
		return errNoServer
	} else if err != nil {
		return err
	}
	defer server.Close()

	mine := answerPath(path, os.Getpid())
	if err := renew(mine); err != nil { // one who had our PID may have been killed
		return err
	}
	defer os.Remove(mine)
	from, err := fifo.OpenBoth(mine)
	if err != nil {
		return err
	}
	defer from.Close()

	if _, err := fmt.Fprintln(server, os.Getpid()); err != nil {
		return errNoServer // EPIPE: it died just now
	}
	text, err := await(ctx, from, server)
	if err == nil {
		fmt.Print(text)
	}
	return err
}

// await waits for the answer, or for the server's death, or for Ctrl-C.
func await(ctx context.Context, from, server *os.File) (string, error) {
	answered, died := make(chan string, 1), make(chan struct{})
	go func() {
		if text, err := bufio.NewReader(from).ReadString('\n'); err == nil {
			answered <- text
		}
	}()
	go func() {
		if noReader(server) == nil {
			close(died)
		}
	}()
	select {
	case text := <-answered:
		return text, nil
	case <-died:
		return "", errNoServer
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// noReader returns when the last reader of the FIFO has gone, without a thread
// and without asking again and again: the kernel tells whoever waits to write,
// and poll(2) says why.
func noReader(writer *os.File) error {
	raw, err := writer.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Write(func(fd uintptr) (gone bool) {
		ask := []unix.PollFd{{Fd: int32(fd)}}
		_, err := unix.Poll(ask, 0)
		return err == nil && ask[0].Revents&unix.POLLERR != 0
	})
}
