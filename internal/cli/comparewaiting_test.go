package cli

import (
	"syscall"
	"testing"
)

// Ctrl-C shows what was measured so far, and draws nothing. The old plot stays.
func TestCompareWaitingCtrlC(t *testing.T) {
	p := newPlace(t)
	before := p.write("growth.svg", 10)
	terminal := p.openTerminal("kith compare waiting --duration 30s --svg growth.svg; echo ended $?")
	terminal.See("each, select with 10 sources")
	terminal.See("each, poll with 10 sources")
	terminal.Press(ctrlC)
	terminal.See("(?s)ONE READY.*cut short: interrupted.*kith: interrupted.*ended 130\r")
	p.wantFile("growth.svg", before)
	p.wantLeft("growth.svg")
}

// A file that says nothing can be interrupted, too.
func TestCompareWaitingInterruptedWhileReading(t *testing.T) {
	p := newPlace(t)
	in, input := pipe(t)
	k := p.start([]string{"compare", "waiting", "-", "--svg", "growth.svg"}, stdin(in))
	if _, err := input.Write(make([]byte, 128<<10)); err != nil { // more than a pipe holds: it reads
		t.Fatal(err)
	}
	k.signal(syscall.SIGTERM)
	k.expect(exitTERM, "kith: interrupted")
	p.wantLeft()
}

// A reader who has seen enough ends it with an error, and not in silence.
func TestCompareWaitingReaderGone(t *testing.T) {
	p := newPlace(t)
	r, w := pipe(t)
	k := p.start([]string{"compare", "waiting", "--duration", "1ms"}, stdout(w))
	_ = r.Close()
	_ = w.Close()
	k.expect(exitFailed, "broken pipe")
}
