package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/lock"
	"kith/poll"
)

const (
	mostClients = 1000
	// mostOwed is how many answers wait for a client's FIFO to have room.
	mostOwed = 100
)

type server struct {
	folder   string
	requests *os.File
	frames   frames
	buffer   [16 * fifo.MaxRecord]byte
	set      *poll.Set
	clients  map[string]*client
	most     int // clients
	given    int // numbers
	refused  int // records
}

func serve(ctx context.Context, folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	itself, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer itself.Close()
	// A directory can be locked as any file can, and so nothing is left behind.
	if _, err := lock.On(itself, lock.Flock).Try(lock.Exclusive, lock.Whole); err != nil {
		return err // ErrBusy: another server lives
	}
	return serveAlone(ctx, folder)
}

func serveAlone(ctx context.Context, folder string) error {
	if err := clean(folder); err != nil {
		return err
	}
	path := requestsPath(folder)
	if err := fifo.Make(path, mode); err != nil {
		return err
	}
	defer func() { _ = fifo.Remove(path) }()
	requests, err := fifo.OpenBoth(path) // its reads never end
	if err != nil {
		return err
	}
	defer requests.Close()
	set, err := poll.New(poll.Epoll)
	if err != nil {
		return err
	}
	defer set.Close()
	if _, err := set.Add(requests, poll.Readable, poll.Level); err != nil {
		return err
	}
	s := &server{folder: folder, requests: requests, set: set, clients: map[string]*client{}, most: roomForClients()}
	fmt.Println("serving", folder)
	defer s.end()
	return s.run(ctx)
}

// clean removes what a server and clients that were killed have left. The FIFO for the
// requests goes first: without it nobody becomes a client, so no client has just made its
// FIFO and not yet opened it. Clients of the dead server hear of its end by our closing.
func clean(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	_ = fifo.Remove(requestsPath(folder)) // if it cannot, Make says so
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if !strings.HasSuffix(path, suffix) || entry.Type() != fs.ModeNamedPipe {
			continue
		}
		reply, err := fifo.OpenWriter(path)
		if errors.Is(err, unix.ENXIO) {
			_ = fifo.Remove(path)
		} else if err == nil {
			_ = reply.Close()
		}
	}
	return nil
}

// roomForClients is less than the process may open, so that one more can be opened
// and hung up on.
func roomForClients() int {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return mostClients
	}
	const others = 20 // our own, and the runtime's
	return max(1, int(min(mostClients+others, files.Cur))-others)
}

// run waits for the requests and for all clients at once, and nowhere else.
func (s *server) run(ctx context.Context) error {
	for event, err := range s.set.Events(ctx) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if c, is := event.Registration.Source().(*client); is {
			s.tend(c, event.Ready)
		} else if err := s.read(); err != nil {
			return err
		}
	}
	return nil
}

// read reads once and returns to the set: who floods us does not keep clients from their
// answers.
func (s *server) read() error {
	n, err := readNow(s.requests, s.buffer[:])
	if err != nil && !errors.Is(err, unix.EAGAIN) { // somebody else has read it
		return err
	}
	for record := range s.frames.records(s.buffer[:n]) {
		if len(record) > 0 && !s.answer(record) { // empty: between the newlines of two
			s.refused++
		}
	}
	return nil
}

// answer returns false for what gets no answer.
func (s *server) answer(record []byte) bool {
	name, words, is := parse(record)
	if !is {
		return false
	}
	c, err := s.client(name)
	if err != nil {
		return false
	}
	s.given++
	c.owed = append(c.owed, fmt.Appendf(nil, "%d %s\n", s.given, words))
	if c.pay() != nil || len(c.owed) > mostOwed {
		s.dismiss(c)
	}
	return true
}

// tend pays a client whose FIFO has room. Anything else that comes is its end.
func (s *server) tend(c *client, ready poll.Events) {
	if ready != poll.Writable || c.pay() != nil {
		s.dismiss(c)
	}
}

func (s *server) end() {
	for _, c := range s.clients {
		s.dismiss(c)
	}
	fmt.Printf("%d given, %d refused\n", s.given, s.refused)
}
