package compare

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// waitingStep is how far it is from one source to that whose turn is next: coprime to
// all numbers of sources, so that each has its turn, and far. The twin's is the same.
const waitingStep = 7919

// mostEvents is how many events are fetched at once.
const mostEvents = 64

// A waitingGround is the sources and the set that waits for them.
type waitingGround struct {
	cell    WaitingCell
	files   []*os.File
	fds     []int
	set     *poll.Set // nil: sleeping
	members []*poll.Registration
	events  [mostEvents]poll.Event
	next    int // the source whose turn it is
	thread  *pinnedThread
}

func newWaitingGround(cell WaitingCell, cpu int) (g *waitingGround, err error) {
	g = &waitingGround{cell: cell}
	defer func() {
		if err != nil {
			_ = g.close()
			g = nil
		}
	}()
	if !cell.Measure.onTheClock() {
		g.thread = newPinnedThread(cpu)
	}
	if cell.Backend == sleeping {
		return g, nil
	}
	for range cell.Sources {
		// It can block, as those of the twin: only ours is to wait for it, and not Go's
		// poller too.
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			return g, os.NewSyscallError("eventfd", err)
		}
		g.files, g.fds = append(g.files, os.NewFile(uintptr(fd), "eventfd")), append(g.fds, fd)
	}
	_, err = g.register()
	return g, err
}

// register makes a new set, and returns how long it took to add each of the sources.
func (g *waitingGround) register() (each time.Duration, err error) {
	if g.set != nil {
		_ = g.set.Close()
	}
	var backend poll.Backend
	if err := backend.UnmarshalText([]byte(g.cell.Backend)); err != nil {
		return 0, fmt.Errorf("backend %q: %w", g.cell.Backend, err)
	}
	if g.set, err = poll.New(backend); err != nil {
		return 0, err
	}
	g.members = g.members[:0]
	began := threadTime()
	for _, file := range g.files {
		member, err := g.set.Add(file, poll.Readable, poll.Level)
		if err != nil {
			return 0, err
		}
		g.members = append(g.members, member)
	}
	return (threadTime() - began) / time.Duration(len(g.files)), nil
}

// measure does it so often, and returns the nanoseconds of one.
func (g *waitingGround) measure(ctx context.Context, what WaitingMeasure, count int) (ns float64, err error) {
	do := map[WaitingMeasure]func(context.Context, int) (time.Duration, error){
		Each: g.each, Last: g.last, Beside: g.beside, Register: g.registerAnew, Blocked: g.blocked, Late: g.late,
	}[what]
	if do == nil {
		return 0, fmt.Errorf("measure %q: %w", what, unix.EINVAL)
	}
	var elapsed time.Duration
	if work := func() { elapsed, err = do(ctx, count) }; what.onTheClock() {
		work()
	} else {
		g.thread.do(work)
	}
	return float64(elapsed) / float64(count), err
}

func (g *waitingGround) each(ctx context.Context, count int) (time.Duration, error) {
	return g.turns(ctx, count, waitingStep)
}

func (g *waitingGround) last(ctx context.Context, count int) (time.Duration, error) {
	g.next = len(g.fds) - 1
	return g.turns(ctx, count, 0)
}

func (g *waitingGround) turns(ctx context.Context, count, step int) (time.Duration, error) {
	began := threadTime()
	for range count {
		fd := g.fds[g.next]
		if err := write(fd, 1); err != nil {
			return 0, err
		}
		if err := g.wait(ctx, g.next); err != nil {
			return 0, err
		}
		if _, err := read(fd); err != nil {
			return 0, err
		}
		g.next = (g.next + step) % len(g.fds)
	}
	return threadTime() - began, nil
}

// wait waits, and sees that this source has come, and no other.
func (g *waitingGround) wait(ctx context.Context, source int) error {
	n, err := g.set.Wait(ctx, g.events[:])
	if err != nil {
		return err
	}
	if n != 1 || g.events[0].Registration != g.members[source] {
		return fmt.Errorf("%d events, the first is not of source %d", n, source)
	}
	return nil
}

func (g *waitingGround) beside(_ context.Context, count int) (time.Duration, error) {
	began := threadTime()
	for range count {
		fd := g.fds[g.next]
		if err := write(fd, 1); err != nil {
			return 0, err
		}
		if _, err := read(fd); err != nil {
			return 0, err
		}
		g.next = (g.next + waitingStep) % len(g.fds)
	}
	return threadTime() - began, nil
}

func (g *waitingGround) registerAnew(_ context.Context, count int) (total time.Duration, err error) {
	for range count {
		each, err := g.register()
		if err != nil {
			return 0, err
		}
		total += each
	}
	return total, nil
}

func (g *waitingGround) close() error {
	if g == nil {
		return nil
	}
	if g.set != nil {
		_ = g.set.Close()
	}
	for _, file := range g.files {
		_ = file.Close()
	}
	return g.thread.end()
}

func write(fd int, value uint64) error {
	var count [8]byte
	binary.NativeEndian.PutUint64(count[:], value)
	_, err := unix.Write(fd, count[:])
	return os.NewSyscallError("write", err)
}

func read(fd int) (uint64, error) {
	var count [8]byte
	_, err := unix.Read(fd, count[:])
	return binary.NativeEndian.Uint64(count[:]), os.NewSyscallError("read", err)
}

// threadTime is the CPU time of this thread, which others on its CPU do not add to.
func threadTime() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	return time.Duration(now.Nano())
}
