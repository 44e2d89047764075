package sock_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

// A PID is given to another process: Peer tells the number all the same, and a pidfd
// is still of the one that had it.
func TestPIDIsReused(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	kithtest.NeedKernel(t, "pid-choice")
	needPidfds(t)
	program := kithtest.Compile(t, "testdata/peer.c")
	child := kithtest.Command(t, "reuse", program, string(abstract(t)[1:]))
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

// lastPID is the PID before the next one of this namespace.
const lastPID = "/proc/sys/kernel/ns_last_pid"

// reuse is the first process of a PID namespace, where it can say which comes next.
func reuse(args []string) error {
	at := sock.Abstract(args[1])
	listener, err := sock.New(sock.Stream)
	if err == nil {
		err = errors.Join(listener.Bind(at, 0), listener.Listen())
	}
	if err != nil {
		return err
	}
	first, orders, err := run(args[0], fmt.Sprintf("new stream\nconnect %s\n", name(at)))
	if err != nil {
		return err
	}
	s, err := listener.Accept(background)
	if err != nil {
		return err
	}
	early, err := sock.PeerPidfd(s)
	if err != nil {
		return err
	}
	pid := first.Process.Pid
	if err := errors.Join(orders.Close(), first.Wait()); err != nil {
		return err
	}
	second, orders, err := runAs(pid, args[0])
	if err != nil {
		return err
	}
	cred, err := sock.Peer(s)
	if err == nil && cred.PID != second.Process.Pid {
		err = fmt.Errorf("the peer is %d, want %d", cred.PID, pid)
	}
	pidfds := []*os.File{early}
	late, asking := sock.PeerPidfd(s)
	if asking == nil {
		pidfds = append(pidfds, late)
	} else if !errors.Is(asking, unix.ESRCH) && !errors.Is(asking, unix.EINVAL) {
		err = errors.Join(err, asking)
	}
	for _, pidfd := range pidfds {
		if killing := signal(pidfd, unix.SIGKILL); !errors.Is(killing, unix.ESRCH) {
			err = errors.Join(err, fmt.Errorf("the signal went to another: %w", killing))
		}
	}
	return errors.Join(err, orders.Close(), second.Wait()) // which nobody has killed
}

// run starts a peer, and waits until it has obeyed.
func run(program, orders string) (*exec.Cmd, io.WriteCloser, error) {
	cmd := exec.Command(program)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, nil, err
	}
	_, err := io.WriteString(in, orders)
	answers := bufio.NewReader(out)
	for range strings.Count(orders, "\n") {
		answer, reading := answers.ReadString('\n')
		if answer != "ok\n" {
			err = errors.Join(err, reading, errors.New(answer))
		}
	}
	return cmd, in, err
}

// runAs starts peers until one has that PID: our own threads take some, too.
func runAs(pid int, program string) (*exec.Cmd, io.WriteCloser, error) {
	for range 1000 {
		if err := os.WriteFile(lastPID, []byte(strconv.Itoa(pid-1)), 0); err != nil {
			return nil, nil, err
		}
		cmd, in, err := run(program, "")
		if err != nil || cmd.Process.Pid == pid {
			return cmd, in, err
		}
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("PID %d does not come again", pid)
}
