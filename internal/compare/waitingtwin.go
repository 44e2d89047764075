package compare

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// errNoRoom is a twin that cannot have so many sources.
var errNoRoom = errors.New("no room")

// A waitingTwin is the program in C (clients/c/waiting.c), one for each cell. It ends
// with its standard input.
type waitingTwin struct {
	cmd  *exec.Cmd
	ask  io.WriteCloser
	told *bufio.Reader
}

func startWaitingTwin(program string, cell WaitingCell, cpu int) (*waitingTwin, error) {
	t := &waitingTwin{cmd: exec.Command(program, strconv.Itoa(cpu), cell.Backend, strconv.Itoa(cell.Sources))}
	t.cmd.Stderr = os.Stderr
	told, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.told = bufio.NewReader(told)
	if t.ask, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	if err := t.ready(); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// ready waits until it is, or says why not.
func (t *waitingTwin) ready() error {
	line, err := t.hear()
	if why, no := strings.CutPrefix(line, "no: "); no {
		return fmt.Errorf("%w for the twin: %s", errNoRoom, why)
	}
	return err
}

func (t *waitingTwin) hear() (string, error) {
	line, err := t.told.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the twin %s: %w", t.cmd, err)
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// measure has it do that so often, and returns the nanoseconds of one.
func (t *waitingTwin) measure(what WaitingMeasure, count int) (float64, error) {
	if t == nil {
		return 0, nil
	}
	if _, err := fmt.Fprintf(t.ask, "%s %d\n", what, count); err != nil {
		return 0, err
	}
	line, err := t.hear()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(line, 64)
}

func (t *waitingTwin) close() {
	if t != nil {
		_ = t.ask.Close()
		_ = t.cmd.Wait() // its own words on standard error say what went wrong
	}
}
