package sock

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A room is where senders to one name wait for room in its receiver's queue. At
// their own socket they cannot: poll(2) says that it is writable, full as the queue
// is, and under epoll each attempt wakes them anew, as the kernel counts the message
// against the send buffer before it looks at the queue. So they wait at another
// socket, which has sent nothing and is connected to the same receiver: that is
// writable when there is room, or the receiver is gone.
type room struct {
	scratch   *os.File
	direction *sys.Direction
	senders   int // guarded by the Socket's mu
}

// errLook is that it is time to look at the name again.
var errLook = errors.New("the name may have been given to another")

// lookEvery is how often; a test alone sets it.
var lookEvery = time.Second

// awaitRoom sends as soon as there is room. With a Datagram it looks again now and
// then, for two things that wake nobody: the name was given to another socket while
// the old one lives, or there is room in a send buffer that is not three quarters empty.
func (s *Socket) awaitRoom(ctx context.Context, t *transfer) error {
	if s.kind != Datagram {
		return wait(ctx, s.sending, t, t.sendUntil)
	}
	for {
		err := s.look(ctx, t)
		switch {
		case err == nil || !again(err) && !errors.Is(err, errLook):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
	}
}

func (s *Socket) look(ctx context.Context, t *transfer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lookEvery, errLook)
	defer cancel()
	if t.to == "" {
		return wait(ctx, s.sending, t, t.sendUntil)
	}
	name, release, err := t.to.resolve()
	if err != nil {
		return err
	}
	defer release()
	t.Name = name
	if err := s.awaitReceiver(ctx, t); !again(err) {
		return err
	}
	return wait(ctx, s.sending, t, func(fd uintptr) bool { return t.send(fd) || !bufferFull(int(fd)) })
}

func wait(ctx context.Context, d *sys.Direction, t *transfer, until func(uintptr) bool) error {
	if err := d.Wait(ctx, until); err != nil {
		return err
	}
	return t.err
}

// awaitReceiver sends as soon as the receiver has room. EAGAIN: it has, but our own
// send buffer is full.
func (s *Socket) awaitReceiver(ctx context.Context, t *transfer) error {
	r, err := s.enter(t.to)
	if err != nil {
		return err
	}
	defer s.exit(t.to, r)
	return wait(ctx, r.direction, t, func(scratch uintptr) bool { return s.knock(t, int(scratch)) })
}

// knock returns whether the receiver's room need not be waited for. After a failed
// attempt it asks poll(2), which also makes the kernel wake the scratch socket, once,
// when there is room: epoll alone asks at its first look only. The name is connected
// to each time, as it may be another's by now.
func (s *Socket) knock(t *transfer, scratch int) bool {
	for range knocks {
		if err := s.try(t, t.sendOnce); !again(err) {
			t.err = err
			return true
		}
		if s.isFull() {
			return true
		}
		if sys.ConnectUnix(scratch, &t.Name) == nil && !writable(scratch) {
			return false
		}
	}
	return false // others are faster, again and again; see lookEvery
}

const knocks = 16

// isFull reports whether it is our own send buffer that has no room.
func (s *Socket) isFull() (full bool) {
	_ = sys.Control(s, func(fd int) error { full = bufferFull(fd); return nil })
	return full
}

// bufferFull is what the kernel asks before it takes a message, whatever its size.
func bufferFull(fd int) bool {
	unread, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return false
	}
	buffer, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	return err == nil && unread >= buffer
}

func writable(fd int) bool {
	events, _ := sys.Ready(fd, unix.POLLOUT)
	return events != 0
}

// enter joins the others who wait for room at that name.
func (s *Socket) enter(to Addr) (*room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[to]
	if r == nil {
		var err error
		if r, err = newRoom(); err != nil {
			return nil, err
		}
		s.rooms[to] = r
	}
	r.senders++
	return r, nil
}

func newRoom() (*room, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, sys.OpenLimit(err)
	}
	file := os.NewFile(uintptr(fd), "room")
	raw, err := file.SyscallConn()
	if err == nil {
		err = sys.Pollable(file)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &room{scratch: file, direction: sys.NewDirection(raw.Write, file.SetWriteDeadline)}, nil
}

// exit is enter's end; the last one closes the room.
func (s *Socket) exit(to Addr, r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.senders--; r.senders == 0 {
		delete(s.rooms, to)
		_ = r.scratch.Close()
		r.direction.Disarm()
	}
}

// empty sends everybody out who waits, as the Socket is closed.
func (s *Socket) empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		_ = r.scratch.Close()
	}
}
