package poll

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"kith/ipc"
)

// pselect waits by pselect(2): a bit for each source in each of three sets, which the
// call overwrites.
type pselect struct {
	roster
	call           func(*unix.Timespec) (int, error)
	most           int // the highest number, and one
	asked, answers sets
	refused        bool // EBADF
}

type sets struct{ read, write, except unix.FdSet }

func (p *pselect) waiting() string  { return "pselect6" }
func (p *pselect) register() string { return "select" }
func (p *pselect) close() error     { return nil }

func newSelect(s *Set) (*pselect, error) {
	if err := fits(s.bell.fd); err != nil {
		return nil, err
	}
	p := &pselect{roster: roster{set: s, stale: true}}
	p.ready = p.answer
	p.call = func(timeout *unix.Timespec) (int, error) {
		p.answers = p.asked
		return unix.Pselect(p.most, &p.answers.read, &p.answers.write, &p.answers.except, timeout, nil)
	}
	return p, nil
}

// fits: a higher number would be written behind the set.
func fits(fd int) error {
	if fd >= unix.FD_SETSIZE {
		return &ipc.LimitError{Limit: "FD_SETSIZE", Max: unix.FD_SETSIZE, Raise: "it is fixed", Err: ErrTooHigh}
	}
	return nil
}

func (p *pselect) add(r *Registration) error {
	if r.mode&^OneShot != 0 || r.want&PeerClosed != 0 {
		return ErrNotSupported
	}
	if err := fits(r.fd); err != nil {
		return err
	}
	return p.roster.add(r)
}

func (p *pselect) modify(r *Registration) error {
	if r.want&PeerClosed != 0 {
		return ErrNotSupported
	}
	return p.roster.modify(r)
}

func (p *pselect) wait(ctx context.Context, _ int, block bool) error {
	if p.refresh(block) {
		p.show()
	}
	err := p.ask(ctx, block, p.call)
	p.refused = errors.Is(err, unix.EBADF) // somebody closed a source
	if p.refused {
		return nil
	}
	return err
}

func (p *pselect) show() {
	p.asked = sets{}
	p.asked.read.Set(p.set.bell.fd)
	p.most = p.set.bell.fd + 1
	for _, r := range p.shown {
		p.most = max(p.most, r.fd+1)
		if r.want&Readable != 0 {
			p.asked.read.Set(r.fd)
		}
		if r.want&Writable != 0 {
			p.asked.write.Set(r.fd)
		}
		if r.want&Priority != 0 || r.want == 0 { // what is in no set is not looked at
			p.asked.except.Set(r.fd)
		}
	}
}

func (p *pselect) collect(events []Event) (int, error) {
	found := p.found
	if p.refused {
		return p.gather(events, len(p.shown)), nil
	}
	if p.answers.read.IsSet(p.set.bell.fd) {
		p.set.bell.silence()
		found--
	}
	return p.gather(events, found), nil
}

// answer counts the bits, as the call does.
func (p *pselect) answer(place int) (got Events, count int) {
	r := p.shown[place]
	if p.refused {
		return p.closed(r), 1
	}
	for _, answer := range []struct {
		set *unix.FdSet
		Events
	}{{&p.answers.read, Readable}, {&p.answers.write, Writable}, {&p.answers.except, Priority}} {
		if answer.set.IsSet(r.fd) {
			got |= answer.Events
			count++
		}
	}
	return got & r.want, count
}

// closed looks whether it was this one. A number that was closed behind its owner's
// back is closed, too.
func (p *pselect) closed(r *Registration) Events {
	if _, err := unix.FcntlInt(uintptr(r.fd), unix.F_GETFD, 0); err != nil || r.live && !r.open() {
		return Closed
	}
	return 0
}
