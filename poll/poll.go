package poll

import (
	"context"

	"golang.org/x/sys/unix"
)

// ppoll waits by ppoll(2): a number and two words of bits for each source.
type ppoll struct {
	roster
	fds  []unix.PollFd // those shown, and the bell behind them
	call func(*unix.Timespec) (int, error)
}

func newPoll(s *Set) *ppoll {
	p := &ppoll{roster: roster{set: s, stale: true}}
	p.ready = p.answer
	p.call = func(timeout *unix.Timespec) (int, error) { return unix.Ppoll(p.fds, timeout, nil) }
	return p
}

func (p *ppoll) waiting() string  { return "ppoll" }
func (p *ppoll) register() string { return "poll" }
func (p *ppoll) close() error     { return nil }

func (p *ppoll) add(r *Registration) error {
	if r.mode&^OneShot != 0 {
		return ErrNotSupported
	}
	return p.roster.add(r)
}

func (p *ppoll) wait(ctx context.Context, _ int, block bool) error {
	if p.refresh(block) {
		p.fds = p.fds[:0]
		for _, r := range p.shown {
			p.fds = append(p.fds, unix.PollFd{Fd: int32(r.fd), Events: int16(r.want)})
		}
		p.fds = append(p.fds, unix.PollFd{Fd: int32(p.set.bell.fd), Events: unix.POLLIN})
	}
	return p.ask(ctx, block, p.call)
}

func (p *ppoll) collect(events []Event) (int, error) {
	found := p.found
	if p.fds[len(p.fds)-1].Revents != 0 {
		p.set.bell.silence()
		found--
	}
	return p.gather(events, found), nil
}

func (p *ppoll) answer(place int) (got Events, count int) {
	got = Events(uint16(p.fds[place].Revents))
	return got, int(min(got, 1))
}
