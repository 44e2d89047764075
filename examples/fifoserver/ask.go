package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/poll"
)

var (
	errNoServer = errors.New("no server: start one with `serve`")
	errHungUp   = errors.New("the server has hung up: it has ended, or has too many clients")
	errTooLong  = fmt.Errorf("more than %d bytes, or more than a line", mostWords)
)

// A caller is a client, at its own end.
type caller struct {
	name, path string
	requests   *fifo.RecordWriter
	replies    *os.File
	frames     frames
	set        *poll.Set
	asked      string
	answer     string
}

func ask(ctx context.Context, folder string, all []string) error {
	c, err := call(folder)
	if err != nil {
		return err
	}
	defer c.leave()
	for _, words := range all {
		if err := c.ask(ctx, words); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		return nil
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := c.ask(ctx, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// call makes its own FIFO only when there is a server, which else would not know of it.
func call(folder string) (*caller, error) {
	server, err := fifo.OpenWriter(requestsPath(folder))
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENOENT) {
		return nil, errNoServer
	} else if err != nil {
		return nil, err
	}
	name := rand.Text()
	c := &caller{name: name, path: replyPath(folder, name)}
	if err := c.listen(server); err != nil {
		_ = server.Close()
		c.leave()
		return nil, err
	}
	return c, nil
}

// listen comes before asking.
func (c *caller) listen(server *os.File) (err error) {
	if err := fifo.Make(c.path, 0o600); err != nil {
		return err
	}
	if err := c.letIn(server); err != nil {
		return err
	}
	if c.replies, err = fifo.OpenReader(c.path); err != nil {
		return err
	}
	if c.requests, err = fifo.NewRecordWriter(server); err != nil {
		return err
	}
	return c.watch()
}

// letIn lets the server write to our FIFO, if it is another user.
func (c *caller) letIn(server *os.File) error {
	info, err := server.Stat()
	if err != nil {
		return err
	}
	if stat, is := info.Sys().(*syscall.Stat_t); is && int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return os.Chmod(c.path, mode)
}

// watch waits for the end of the server, too: each of its FIFOs tells of it. The replies
// do not as long as it has not opened them: then only the requests do.
func (c *caller) watch() (err error) {
	if c.set, err = poll.New(poll.Epoll); err != nil {
		return err
	}
	if _, err = c.set.Add(c.requests, 0, poll.Level); err != nil {
		return err
	}
	_, err = c.set.Add(c.replies, poll.Readable, poll.Level)
	return err
}

func (c *caller) leave() {
	_ = fifo.Remove(c.path)
	_ = c.replies.Close() // nil is an error, and no more
	if c.set != nil {
		_ = c.set.Close()
	}
	if c.requests != nil {
		_ = c.requests.Close()
	}
}

// ask prints the answer.
func (c *caller) ask(ctx context.Context, words string) error {
	if len(words) > mostWords || strings.Contains(words, "\n") {
		return errTooLong
	}
	c.asked, c.answer = words, ""
	// In one write, which waits for room: in two, another's record could come between.
	err := c.requests.Write(ctx, []byte("\n"+c.name+" "+words+"\n"))
	if errors.Is(err, unix.EPIPE) {
		return errHungUp
	}
	for err == nil && c.answer == "" {
		err = c.wait(ctx)
	}
	if err == nil {
		fmt.Println(c.answer)
	}
	return err
}

// wait waits until anything has come, and reads answers. The last one may have come
// together with the server's end.
func (c *caller) wait(ctx context.Context) error {
	var events [2]poll.Event
	n, err := c.set.Wait(ctx, events[:])
	if err != nil {
		return err
	}
	var ready poll.Events
	for _, event := range events[:n] {
		ready |= event.Ready
	}
	if ready&poll.Readable == 0 {
		return errHungUp
	}
	return c.read()
}

// read leaves out what does not answer what was asked: others may write to our FIFO.
func (c *caller) read() error {
	var buffer [fifo.MaxRecord]byte
	n, err := readNow(c.replies, buffer[:])
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return err
	}
	for record := range c.frames.records(buffer[:n]) {
		if _, words, _ := strings.Cut(string(record), " "); words == c.asked {
			c.answer = string(record)
		}
	}
	return nil
}
