package cli

import (
	"bufio"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// awaitWaiting waits until so many wait for the semaphore.
func (p *place) awaitWaiting(address, count string) {
	p.t.Helper()
	for !strings.Contains(p.output("sem", address, "--json"), `"waiting":`+count) {
	}
}

func TestSemWaits(t *testing.T) {
	everySemaphore(t, func(t *testing.T, p *place, address string) {
		k := p.start([]string{"sem", address, "wait", "--timeout", "1h"})
		p.awaitWaiting(address, "1")
		p.kith(exitDone, "", "sem", address, "post")
		k.expect(exitDone, "")
		p.kith(exitBusy, "busy after 0s", "sem", address, "wait", "--timeout", "0")
	})
}

// Whoever is interrupted has taken nothing, and waits no more.
func TestInterruptSem(t *testing.T) {
	everySemaphore(t, func(t *testing.T, p *place, address string) {
		for signal, status := range map[os.Signal]int{syscall.SIGINT: exitINT, syscall.SIGTERM: exitTERM} {
			for _, args := range [][]string{{"sem", address, "wait"}, {"sem", address, "--", "true"}} {
				k := p.start(args)
				p.awaitWaiting(address, "1")
				k.signal(signal)
				k.expect(status, "kith: interrupted")
				p.awaitWaiting(address, "0")
			}
		}
		p.kith(exitDone, "", "sem", address, "post")
		p.kith(exitDone, "", "sem", address, "wait", "--timeout", "0")
	})
}

// held starts a command that holds the semaphore until it is told to end.
func (p *place) held(address string) *holder {
	p.t.Helper()
	stdinR, stdinW := pipe(p.t)
	stdoutR, stdoutW := pipe(p.t)
	k := p.start(append([]string{"sem", address, "--"}, untilTold...), stdin(stdinR), stdout(stdoutW))
	_, _ = stdinR.Close(), stdoutW.Close()
	h := &holder{process: k, in: stdinW, out: bufio.NewReader(stdoutR)}
	h.hear("held")
	return h
}

// As many commands run at a time as the value says.
func TestSemHolds(t *testing.T) {
	everySemaphore(t, func(t *testing.T, p *place, address string) {
		for range 2 {
			p.kith(exitDone, "", "sem", address, "post")
		}
		first, second := p.held(address), p.held(address)
		p.kith(exitBusy, "busy after 0s", "sem", address, "--timeout", "0", "--", "true")
		first.tell()
		first.expect(7, "")
		p.kith(exitDone, "", "sem", address, "--timeout", "0", "--", "true")
		second.tell()
		second.expect(7, "")
		p.kith(exitDone, "", "sem", address, "wait", "--timeout", "0")
		p.kith(exitDone, "", "sem", address, "wait", "--timeout", "0")
		p.kith(exitBusy, "", "sem", address, "wait", "--timeout", "0")
	})
}

// A signal reaches the command, and what it held is given back.
func TestSemSignals(t *testing.T) {
	everySemaphore(t, func(t *testing.T, p *place, address string) {
		p.kith(exitDone, "", "sem", address, "post")
		h := p.held(address)
		h.signal(syscall.SIGTERM)
		h.status()
		p.kith(exitDone, "", "sem", address, "wait", "--timeout", "0")
	})
}

// A set's command that is killed has nothing any more, and runs no more: it is
// kith's own process.
func TestSemKilled(t *testing.T) {
	p := newPlace(t)
	key, _ := p.objects()
	p.kith(exitDone, "", "mk", "sysvsem:"+key+"?values=1")
	for range kills(t) {
		h := p.held("sysvsem:" + key)
		waiter := p.start([]string{"sem", "sysvsem:" + key, "--", "true"})
		waiter.awaitCall(unix.SYS_SEMTIMEDOP)
		h.signal(syscall.SIGKILL)
		if status := h.status(); status != -1 {
			t.Fatalf("status %d", status)
		}
		waiter.expect(exitDone, "")
	}
	p.kith(exitDone, "", "sem", "sysvsem:"+key, "wait", "--timeout", "0")
}
