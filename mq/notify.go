package mq

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrForgotten is a Notification that the kernel took back: this process closed
// a descriptor of the queue. Any will do, also one of another Open.
var ErrForgotten = errors.New("the registration for a notification was taken back")

// A Notification is a process's registration to be told, once, that a message
// has come to an empty queue (mq_notify(3)). Any number of goroutines may use
// it at once.
type Notification struct {
	queue  *Queue
	file   *os.File // a socket, to which the kernel writes the notification
	raw    syscall.RawConn
	coming *sys.Direction
}

// registrations is held where a registration begins or ends. A process has one
// for each queue, so one that was spent must not end the next.
var registrations sync.Mutex

// Notify registers this process. There is one registration for a queue on the
// machine: while another process or call has it, the error is EBUSY. It is spent
// by one notification. To miss nothing, take all messages that are there after
// Notify and before Wait.
//
// No notification comes of a message that a process takes which is blocked in
// mq_receive(3). No signal is used (the kernel's half of SIGEV_THREAD).
//
// Errors: EBUSY; os.ErrClosed; RLIMIT_NOFILE (EMFILE) and max_user_watches (ENOSPC)
// as limits; what socket(2) says where there is no netlink(7).
func (q *Queue) Notify() (*Notification, error) {
	n, err := q.register()
	if err != nil {
		return nil, failed("mq_notify", q.name, err)
	}
	return n, nil
}

func (q *Queue) register() (*Notification, error) {
	const kind = unix.SOCK_RAW | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	socket, err := unix.Socket(unix.AF_NETLINK, kind, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, sys.OpenLimit(err)
	}
	file := os.NewFile(uintptr(socket), "notification of "+q.name)
	raw, err := file.SyscallConn()
	if err == nil {
		err = sys.Pollable(file)
	}
	if err == nil {
		registrations.Lock()
		err = sys.Control(q.file, func(fd int) error { return sys.MqNotify(fd, socket) })
		registrations.Unlock()
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &Notification{queue: q, file: file, raw: raw, coming: sys.NewDirection(raw.Read, file.SetReadDeadline)}, nil
}

// Wait returns nil when the notification has come, and waits for it until ctx
// ends; then it can be called again. Errors: ErrForgotten; os.ErrClosed; the
// cause of ctx's end.
func (n *Notification) Wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return failed("mq_notify", n.queue.name, context.Cause(ctx))
	}
	var came error
	err := n.coming.Wait(ctx, func(fd uintptr) bool {
		came = look(int(fd))
		return !errors.Is(came, unix.EAGAIN)
	})
	if err == nil {
		err = came
	}
	return failed("mq_notify", n.queue.name, err)
}

// look leaves the notification in the socket, for others to see.
func look(socket int) error {
	var cookie [sys.MqCookie]byte
	err := sys.Again(func() error {
		_, _, err := unix.Recvfrom(socket, cookie[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return err
	})
	if err == nil && cookie[sys.MqCookie-1] != sys.MqArrived {
		err = ErrForgotten
	}
	return err
}

// SyscallConn lends the descriptor, as to a poll or an epoll: it is readable
// when the notification has come. It is not to be read from.
func (n *Notification) SyscallConn() (syscall.RawConn, error) { return n.file.SyscallConn() }

// Close takes the registration back, if it was not spent. Calls that wait return
// with os.ErrClosed.
func (n *Notification) Close() error {
	registrations.Lock()
	unspent := errors.Is(sys.Control(n.file, look), unix.EAGAIN)
	err := n.file.Close() // first, or who waits would hear that it was taken back
	if unspent {
		_ = sys.Control(n.queue.file, sys.MqForget) // fails where the queue is closed, which does the same
	}
	registrations.Unlock()
	n.coming.Disarm()
	return err
}
