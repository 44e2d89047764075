package examples

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	_ "kith/proc" // for the test cache
)

// A parent is examples/children, and who its children are.
type parent struct {
	*kithtest.Child
	t    *testing.T
	pids map[int]int // by the child's number
}

func startParent(t *testing.T, n int, command ...string) *parent {
	t.Helper()
	args := append([]string{strconv.Itoa(n)}, command...)
	p := &parent{kithtest.Peer(t, exec.Command(build(t, "children").binary, args...)).Start(), t, map[int]int{}}
	for range n {
		p.started()
	}
	return p
}

// untilToldOrAlone is a child that ends with its parent.
var untilToldOrAlone = []string{"sh", "-c", "read line; exit 3"}

func (p *parent) hear() string {
	p.t.Helper()
	line, err := p.Hear()
	if err != nil {
		p.t.Fatal(err)
	}
	return line
}

// started hears that a child was started.
func (p *parent) started() (number int) {
	p.t.Helper()
	line, pid := p.hear(), 0
	if _, err := fmt.Sscanf(line, "%d: started as %d", &number, &pid); err != nil {
		p.t.Fatalf("%q, %v, want that a child was started", line, err)
	}
	p.pids[number] = pid
	return number
}

// kill kills a child, and hears that the parent knows.
func (p *parent) kill(number int) {
	p.t.Helper()
	pid := p.pids[number]
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	hear(p.t, p.Child, fmt.Sprintf("%d: process %d: signal: killed", number, pid))
}

// ended hears the ends of all children, which are no zombies then either.
func (p *parent) ended(how string) {
	p.t.Helper()
	for range p.pids {
		number, pid, line := 0, 0, p.hear()
		if _, err := fmt.Sscanf(line, "%d: process %d: "+how, &number, &pid); err != nil || p.pids[number] != pid {
			p.t.Errorf("%q, %v, want %q of process %d", line, err, how, p.pids[number])
		}
	}
	for _, pid := range p.pids {
		if err := unix.Kill(pid, 0); err == nil {
			p.t.Errorf("process %d is left", pid)
		}
	}
}

// Children are killed, started again, and at last ended by their parent.
func TestChildren(t *testing.T) {
	for _, stop := range []syscall.Signal{unix.SIGINT, unix.SIGTERM} {
		p := startParent(t, 10, untilToldOrAlone...)
		for round := range 5 {
			for number := 1 + round; number <= 10; number++ {
				p.kill(number)
				if again := p.started(); again != number {
					t.Errorf("child %d was started, where %d was killed", again, number)
				}
			}
		}
		p.kill(10)
		hear(t, p.Child, "10: given up")
		delete(p.pids, 10)
		if err := p.Cmd.Process.Signal(stop); err != nil {
			t.Fatal(err)
		}
		p.ended("signal: terminated")
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// All end well, or too often: so does the parent.
func TestChildrenEnd(t *testing.T) {
	p := startParent(t, 3, "true")
	p.ended("exit status 0")
	if err := p.Wait(); err != nil {
		t.Error(err)
	}

	p = startParent(t, 1, "sh", "-c", "exit 3")
	for range 5 {
		p.ended("exit status 3")
		p.started()
	}
	p.ended("exit status 3")
	hear(t, p.Child, "1: given up")
	if err := p.Wait(); err == nil {
		t.Error("the parent has succeeded")
	}
}

// A parent that is killed leaves no children: Kill returns when nobody has its standard
// output open any more.
func TestChildrenAlone(t *testing.T) {
	p := startParent(t, 5, untilToldOrAlone...)
	p.Kill()
}
