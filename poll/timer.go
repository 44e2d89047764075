package poll

import (
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A timer is the timerfd in each epoll, for deadlines finer than the millisecond to
// which Go's poller sleeps. It is closed with the set.
type timer struct {
	fd      int
	running bool
}

func newTimer() (timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return timer{}, sys.OpenLimit(err)
	}
	return timer{fd: fd}, nil
}

// set makes the timer come when that much has passed; negative: not at all.
func (t *timer) set(left time.Duration) {
	if left < 0 && !t.running {
		return
	}
	t.running = left >= 0
	value := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(left, 0)))}
	_ = unix.TimerfdSettime(t.fd, 0, &value, nil)
}

func (t *timer) silence() {
	t.running = false
	drain(t.fd)
}

func (t *timer) close() { _ = unix.Close(t.fd) }
