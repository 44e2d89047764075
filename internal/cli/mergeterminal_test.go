package cli

import (
	"strings"
	"testing"
)

// Whoever waits in front of a terminal for a FIFO without a writer is told. Ctrl-C ends
// the wait.
func TestMergeSaysForWhomItWaits(t *testing.T) {
	p := newPlace(t)
	p.fifos(5)
	p.sh("echo line > file")
	waiting := p.openTerminal("kith merge 0 1 2 3 4; echo ended $?")
	waiting.See(`kith: waiting for a writer of 0, 1, 2 and 2 more\r`)
	waiting.Press(ctrlC)
	waiting.See("kith: interrupted.*\r\nended 130\r")

	one := p.openTerminal("kith merge 0; echo ended $?")
	one.See(`kith: waiting for a writer of 0\r`)
	p.sh("echo come > 0")
	one.See("0: come\r\nended 0\r")
}

// Ctrl-C reaches the commands, which are in process groups of their own, and their last
// words come. (Who is ready is the last that is started, see sleeper.)
func TestMergeCtrlC(t *testing.T) {
	p := newPlace(t)
	terminal := p.openTerminal(`kith merge -c 'trap "echo caught; exit 3" INT; while :; do sh -c "echo ready; exec sleep 1000"; done'; echo ended $?`)
	terminal.See(": ready\r")
	terminal.Press(ctrlC)
	terminal.See(": caught\r")
	if said := terminal.See("(?s).*ended 130\r"); strings.Count(said, "caught") > 0 {
		t.Errorf("caught twice: %q", said)
	}
}

// A line that is typed is a source like others.
func TestMergeTerminal(t *testing.T) {
	p := newPlace(t)
	p.fifo("fifo")
	terminal := p.openTerminal("kith merge - fifo; echo ended $?")
	p.sh("echo through > fifo")
	terminal.See("fifo: through\r")
	terminal.Press("typed\r")
	terminal.See("-: typed\r")
	terminal.Press("\x04")
	terminal.See("ended 0\r")
}
