package sock

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A transfer is one message on its way. Its functions are bound once, as the
// descriptor is only lent to functions, and they would cost allocations.
type transfer struct {
	sys.UnixMessage
	kind  Kind
	to    Addr       // "": the peer
	files []*os.File // to send
	n     int        // bytes sent, or received
	ended bool
	err   error

	control   [controlSize]byte // to receive
	sendOnce  func(fd uintptr)
	sendUntil func(fd uintptr) bool
	takeOnce  func(fd uintptr)
	takeUntil func(fd uintptr) bool
}

// controlSize has room for all that can come with a message: MaxFiles descriptors
// take 1032 bytes, credentials 32, a pidfd 24; the label of a security module
// (SO_PASSSEC) the rest.
const controlSize = 2048

var transfers = sync.Pool{New: func() any {
	t := new(transfer)
	t.sendUntil, t.takeUntil = t.send, t.take
	t.sendOnce = func(fd uintptr) { t.send(fd) }
	t.takeOnce = func(fd uintptr) { t.take(fd) }
	return t
}}

func newTransfer(kind Kind, bytes []byte) *transfer {
	t := transfers.Get().(*transfer)
	t.kind, t.Bytes = kind, bytes
	return t
}

// release forgets what is the caller's.
func (t *transfer) release() {
	t.Bytes, t.Control, t.Name = nil, nil, sys.UnixName{}
	t.to, t.files, t.n, t.ended, t.err = "", nil, 0, false, nil
	transfers.Put(t)
}

// send returns whether the descriptor need not be waited for.
func (t *transfer) send(fd uintptr) bool {
	if len(t.files) == 0 {
		t.err = t.push(int(fd))
	} else {
		t.err = lend(t.files, make([]int, 0, len(t.files)), func(fds []int) error {
			t.Control = unix.UnixRights(fds...)
			return t.push(int(fd))
		})
	}
	return !again(t.err)
}

// push sends until all is sent: a Stream takes what it has room for, and the
// descriptors with the first of it.
func (t *transfer) push(fd int) error {
	for {
		n, err := t.Send(fd)
		if err != nil {
			return err
		}
		t.n += n
		t.Bytes, t.Control, t.files = t.Bytes[n:], nil, nil
		if t.kind != Stream || len(t.Bytes) == 0 {
			return nil
		}
	}
}

// take returns whether the descriptor need not be waited for.
func (t *transfer) take(fd uintptr) bool {
	t.err = t.pull(int(fd))
	if t.err == nil && t.nothing() && t.kind != Datagram {
		t.err = t.end(int(fd))
	}
	return !again(t.err)
}

func (t *transfer) pull(fd int) (err error) {
	flags := unix.MSG_TRUNC
	if t.kind == Stream {
		flags = 0
	}
	t.Control = t.control[:]
	t.n, err = t.Receive(fd, flags)
	return err
}

func (t *transfer) nothing() bool { return t.n == 0 && t.ControlLength == 0 }

// end finds out whether nothing is the end, or an empty message on a Packet. The
// kernel looks for a message first, and for the end then, not at once: a last message
// and the end that come between are the end to it, the first time.
func (t *transfer) end(fd int) error {
	if t.kind == Packet {
		if !hungUp(fd) {
			return nil
		}
		if err := t.pull(fd); err != nil || !t.nothing() {
			return err
		}
	}
	t.ended = true
	return nil
}

func hungUp(fd int) bool {
	events, _ := sys.Ready(fd, unix.POLLRDHUP)
	return events&unix.POLLRDHUP != 0
}
