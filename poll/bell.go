package poll

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A bell is the eventfd in each set that ends a wait from another goroutine.
type bell struct{ fd int }

var one = binary.NativeEndian.AppendUint64(nil, 1)

func newBell() (bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return bell{}, sys.OpenLimit(err)
	}
	return bell{fd}, nil
}

// ring fails only where the bell rings already.
func (b bell) ring() { _, _ = unix.Write(b.fd, one) }

func (b bell) silence() { drain(b.fd) }

func (b bell) close() { _ = unix.Close(b.fd) }

// drain takes the count out of an eventfd or a timerfd.
func drain(fd int) {
	var count [8]byte
	_, _ = unix.Read(fd, count[:])
}
