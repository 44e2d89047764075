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

// sets are one for each of the events that select knows. Of those that are not used the
// kernel is not told: it copies each in and out.
type sets [len(selectable)]struct {
	unix.FdSet
	used bool
}

var selectable = [...]Events{Readable, Writable, Priority}

func (s *sets) set(kind, fd int) {
	s[kind].Set(fd)
	s[kind].used = true
}

func (s *sets) has(fd int) bool {
	word, bit := fd/unix.NFDBITS, uint(fd)%unix.NFDBITS
	return (s[0].Bits[word]|s[1].Bits[word]|s[2].Bits[word])>>bit&1 != 0
}

func (s *sets) given(kind int) *unix.FdSet {
	if !s[kind].used {
		return nil
	}
	return &s[kind].FdSet
}

func (p *pselect) waiting() string  { return "pselect6" }
func (p *pselect) register() string { return "select" }

func newSelect(s *Set) (*pselect, error) {
	if err := fits(s.bell.fd); err != nil {
		return nil, err
	}
	roster, err := newRoster(s)
	if err != nil {
		return nil, err
	}
	p := &pselect{roster: roster}
	p.ready, p.seek = p.answer, p.nextFound
	p.call = func(timeout *unix.Timespec) (int, error) {
		p.answers = p.asked
		return unix.Pselect(p.most, p.answers.given(0), p.answers.given(1), p.answers.given(2), timeout, nil)
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

func (p *pselect) prepare(_ int, block bool) {
	if p.refresh(block) {
		p.show()
	}
}

func (p *pselect) wait(ctx context.Context, block bool) error {
	err := p.ask(ctx, block, p.call)
	p.refused = errors.Is(err, unix.EBADF) // somebody closed a source
	if p.refused {
		return nil
	}
	return err
}

func (p *pselect) show() {
	p.asked = sets{}
	p.asked.set(0, p.set.bell.fd)
	p.most = p.set.bell.fd + 1
	for _, r := range p.shown {
		p.most = max(p.most, r.fd+1)
		for kind, event := range selectable {
			if r.want&event != 0 || r.want == 0 && event == Priority { // what is in no set is not looked at
				p.asked.set(kind, r.fd)
			}
		}
	}
}

func (p *pselect) collect(events []Event) (n int, again bool, err error) {
	if p.refused {
		return p.gather(events, len(p.shown)), true, nil
	}
	if p.answers[0].IsSet(p.set.bell.fd) {
		p.set.bell.silence()
	}
	return p.gather(events, p.found), false, nil
}

// answer counts the bits, as the call does.
func (p *pselect) answer(place int) (got Events, count int) {
	r := p.shown[place]
	if p.refused {
		return p.closed(r), 1
	}
	for kind, event := range selectable {
		if p.answers[kind].used && p.answers[kind].IsSet(r.fd) {
			got |= event
			count++
		}
	}
	return got & r.want, count
}

// nextFound is all that is done for a source of which nothing came.
func (p *pselect) nextFound(from, to int) int {
	for from < to && !p.refused && !p.answers.has(p.shown[from].fd) {
		from++
	}
	return from
}

// closed looks whether it was this one. A number that was closed behind its owner's
// back is closed, too.
func (p *pselect) closed(r *Registration) Events {
	if _, err := unix.FcntlInt(uintptr(r.fd), unix.F_GETFD, 0); err != nil || r.live && !r.open() {
		return Closed
	}
	return 0
}
