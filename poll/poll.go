package poll

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// ppoll waits by ppoll(2): a number and two words of bits for each source.
type ppoll struct {
	roster
	fds  []unix.PollFd // those shown, and the bell behind them
	call func(*unix.Timespec) (int, error)
}

func newPoll(s *Set) (*ppoll, error) {
	roster, err := newRoster(s)
	if err != nil {
		return nil, err
	}
	p := &ppoll{roster: roster}
	p.ready, p.seek = p.answer, p.nextFound
	p.call = func(timeout *unix.Timespec) (int, error) { return unix.Ppoll(p.fds, timeout, nil) }
	return p, nil
}

func (p *ppoll) waiting() string  { return "ppoll" }
func (p *ppoll) register() string { return "poll" }

func (p *ppoll) add(r *Registration) error {
	if r.mode&^OneShot != 0 {
		return ErrNotSupported
	}
	return p.roster.add(r)
}

func (p *ppoll) prepare(_ int, block bool) {
	if !p.refresh(block) {
		return
	}
	p.fds = p.fds[:0]
	for _, r := range p.shown {
		p.fds = append(p.fds, unix.PollFd{Fd: int32(r.fd), Events: int16(r.want)})
	}
	p.fds = append(p.fds, unix.PollFd{Fd: int32(p.set.bell.fd), Events: unix.POLLIN})
}

func (p *ppoll) wait(ctx context.Context, block bool) error {
	err := p.ask(ctx, block, p.call)
	if errors.Is(err, unix.EINVAL) { // the limit was lowered, and there are more
		return &ipc.LimitError{Limit: "RLIMIT_NOFILE", Max: sys.Resource(unix.RLIMIT_NOFILE), Raise: "ulimit -n", Err: err}
	}
	return err
}

func (p *ppoll) collect(events []Event) (n int, again bool, err error) {
	if p.fds[len(p.fds)-1].Revents != 0 {
		p.set.bell.silence()
	}
	return p.gather(events, p.found), false, nil
}

// answer leaves out what is wanted no more.
func (p *ppoll) answer(place int) (got Events, count int) {
	got = Events(uint16(p.fds[place].Revents))
	return got & (p.shown[place].want | HangUp | Error | Closed), int(min(got, 1))
}

// nextFound is all that is done for a source of which nothing came.
func (p *ppoll) nextFound(from, to int) int {
	for from < to && p.fds[from].Revents == 0 {
		from++
	}
	return from
}
