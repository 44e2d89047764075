// A server over FIFOs with many clients, each with many requests: whoever sends some
// words gets them back with a number that nobody else gets (packages fifo and poll).
//
//	go run ./examples/fifoserver serve /tmp/tickets &
//	go run ./examples/fifoserver ask /tmp/tickets apples pears
//	seq 1000 | go run ./examples/fifoserver ask /tmp/tickets
//
// There is one FIFO for the requests of all, DIR/requests, and one for the answers to
// each client, DIR/NAME.reply, which that client makes. A request is a line "NAME WORDS",
// and an answer is a line "NUMBER WORDS". So a shell can be a client:
//
//	cd /tmp/tickets; mkfifo $$.reply; exec 3<>$$.reply
//	echo "$$ apples" >requests; head -n 1 <&3
//
// What to learn from it:
//
//   - What is written at once, up to PIPE_BUF bytes, goes in whole or not at all: so
//     many can write into one FIFO, and nobody's request is mixed with another's. Longer
//     ones can be, and are refused (fifo.RecordWriter, frames.go).
//   - Somebody is killed in the middle, or writes half a line: what he has left must not
//     spoil the next one's. Our records end with a newline and begin with one, too.
//   - The server has the requests open for writing as well. Without, it would read the
//     end of the file when the last client leaves, and its FIFO would hang up in each
//     poll from then on.
//   - A client listens before it asks: it opens its FIFO first. So "nobody has it open
//     for reading" (ENXIO, EPIPE, and Error in a poll) means that the client has gone.
//     The server never waits to find out, and clears its FIFO away.
//   - The server waits in one place only, for the requests and for all clients at once.
//     A client that does not read has a full FIFO: its answers wait for room there, so
//     that nobody waits for it; and when there are too many of them, it is hung up on.
//   - A server that opens what others name can be led anywhere. A name is letters and
//     digits, and what it leads to must be a FIFO itself, no link to one.
//   - A FIFO does not tell who wrote. Who can write requests can ask in the name of any
//     client whose name he knows. So ours are not to be guessed; and who cannot list DIR
//     (mkdir -m 1733 DIR) does not learn them. Package sock knows who is there.
//
// The modes say who may ask. DIR is made for one user. For all: make it before, as above,
// and start the server with umask 0.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

func main() {
	err := errors.New("usage: serve DIR | ask DIR [WORDS...] (without WORDS: lines of stdin)")
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = serve(ctx, os.Args[2])
	case len(os.Args) >= 3 && os.Args[1] == "ask":
		err = ask(context.Background(), os.Args[2], os.Args[3:]) // Ctrl-C kills it: the server clears away
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	// mostWords leaves room in a record (fifo.MaxRecord, which is PIPE_BUF) for the longest
	// name, and for the longest number.
	mostWords = 4000

	// Others may write to a FIFO, if the umask allows, but not read what is for its owner.
	mode = 0o622

	suffix = ".reply"
)

func requestsPath(folder string) string      { return filepath.Join(folder, "requests") }
func replyPath(folder, client string) string { return filepath.Join(folder, client+suffix) }

// readNow reads what is there, else the error is EAGAIN. The method of os.File would
// wait, and nothing else would be done meanwhile.
func readNow(file *os.File, buffer []byte) (n int, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	closed := raw.Control(func(fd uintptr) { n, err = unix.Read(int(fd), buffer) })
	return max(n, 0), errors.Join(closed, err)
}
