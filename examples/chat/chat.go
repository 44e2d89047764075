package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// mostLine is how long a line is shown whole: no terminal gives a longer one.
const mostLine = 4096

type chat struct {
	keyboard *os.File
	peer     *net.UnixConn
	human    bool // the keyboard is one

	set   *poll.Set
	keys  *poll.Registration // of the keyboard, nil if it is always ready
	line  *poll.Registration // of the peer
	bytes [mostLine]byte

	unsent   []byte // there was no room
	saidAll  bool
	half     []byte // a line of the peer's, whose end has not come yet
	heardAll bool
	gone     bool // the peer, and not only what it says
}

// talk goes on until both have said all, or one has left.
func talk(ctx context.Context, keyboard *os.File, peer *net.UnixConn) error {
	set, err := poll.New(poll.Epoll)
	if err != nil {
		return err
	}
	defer set.Close()
	c := &chat{keyboard: keyboard, peer: peer, set: set, human: isTerminal(keyboard)}
	if err := c.watch(); err != nil {
		return err
	}
	defer c.forget()
	for !c.over() {
		if err := c.turn(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// watch: the keyboard is OneShot, to be silent while we cannot take more. Asking
// for nothing would not do: a pipe's end (HangUp) is told unasked.
func (c *chat) watch() (err error) {
	c.keys, err = c.set.Add(c.keyboard, poll.Readable, poll.OneShot)
	if err != nil && !errors.Is(err, poll.ErrNotPollable) {
		return err
	}
	c.line, err = c.set.Add(c.peer, poll.Readable, poll.Level)
	return err
}

// over: a human whom nobody hears any more is not waited for. A file's rest is still
// sent to a peer that has ended what it says, and may listen.
func (c *chat) over() bool {
	said := len(c.unsent) == 0 && (c.saidAll || c.human)
	return c.heardAll && (said || c.gone)
}

// turn waits once, for the keyboard and the peer at once.
func (c *chat) turn(ctx context.Context) error {
	if err := c.attend(); err != nil {
		return err
	}
	var events [2]poll.Event
	n, err := c.wait(ctx, events[:])
	if err != nil {
		return err
	}
	for _, event := range events[:n] {
		if event.Registration == c.line {
			err = c.tend(event.Ready)
		} else {
			err = c.say()
		}
		if err != nil {
			return err
		}
	}
	if c.listening() && c.keys == nil {
		return c.say()
	}
	return nil
}

// listening is whether we take what the keyboard has.
func (c *chat) listening() bool { return !c.saidAll && len(c.unsent) == 0 }

// attend says what to wait for next. The end of what the peer says stays readable: it
// must not be asked for again.
func (c *chat) attend() error {
	var want poll.Events
	if !c.heardAll {
		want |= poll.Readable
	}
	if len(c.unsent) > 0 {
		want |= poll.Writable
	}
	if c.listening() && c.keys != nil {
		if err := c.keys.Modify(poll.Readable); err != nil {
			return err
		}
	}
	return c.line.Modify(want)
}

func (c *chat) wait(ctx context.Context, events []poll.Event) (int, error) {
	if c.listening() && c.keys == nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return c.set.TryWait(events)
	}
	return c.set.Wait(ctx, events)
}

// say reads the keyboard once: it is ready, and may not be twice.
func (c *chat) say() error {
	n, err := c.keyboard.Read(c.bytes[:])
	c.unsent = append(c.unsent, c.bytes[:n]...)
	c.saidAll = errors.Is(err, io.EOF)
	if err != nil && !c.saidAll {
		return err
	}
	return c.send()
}

// send sends what there is room for.
func (c *chat) send() error {
	n, err := now(c.peer, unix.Write, c.unsent)
	c.unsent = c.unsent[n:]
	switch {
	case errors.Is(err, unix.EPIPE): // nobody listens; what was said to us is still there
		c.unsent, c.saidAll = nil, true
	case err != nil && !errors.Is(err, unix.EAGAIN):
		return err
	case len(c.unsent) == 0 && c.saidAll:
		return c.peer.CloseWrite()
	}
	return nil
}

// tend does what has become possible with the peer.
func (c *chat) tend(ready poll.Events) (err error) {
	c.gone = c.gone || ready&poll.HangUp != 0
	if !c.heardAll {
		err = c.hear()
	}
	if err == nil && ready&poll.Writable != 0 {
		err = c.send()
	}
	return err
}

// hear shows whole lines, and what is left at the end.
func (c *chat) hear() error {
	n, err := now(c.peer, unix.Read, c.bytes[:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case errors.Is(err, unix.ECONNRESET): // it has left, and had not read all that we said
	case err != nil:
		return err
	}
	c.heardAll = n == 0
	c.half = append(c.half, c.bytes[:n]...)
	for {
		line, rest, whole := bytes.Cut(c.half, []byte("\n"))
		if !whole {
			break
		}
		show(line)
		c.half = rest
	}
	if len(c.half) >= mostLine || len(c.half) > 0 && c.heardAll {
		show(c.half)
		c.half = nil
	}
	return nil
}

func show(line []byte) {
	fmt.Println(">", strings.Map(printable, string(bytes.TrimSuffix(line, []byte("\r")))))
}

func printable(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// forget throws away what is half typed.
func (c *chat) forget() {
	if c.human {
		_ = control(c.keyboard, func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) })
	}
}

func isTerminal(file *os.File) bool {
	return control(file, func(fd int) error {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	}) == nil
}

// now reads or writes what is possible at once, else the error is EAGAIN.
func now(c syscall.Conn, call func(fd int, bytes []byte) (int, error), bytes []byte) (n int, err error) {
	err = control(c, func(fd int) error {
		n, err = call(fd, bytes)
		return err
	})
	return max(n, 0), err
}

func control(c syscall.Conn, call func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return errors.Join(raw.Control(func(fd uintptr) { err = call(int(fd)) }), err)
}
