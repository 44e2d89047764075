package transport

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/sock"
	"kith/transport/shm"
)

type fdTransport struct{}

// FD is `fd:N`, an inherited socket: a parent and its child, without a name.
var FD driver.Transport = fdTransport{}

func (fdTransport) Traits() driver.Traits {
	return driver.Traits{
		Scheme: "fd", Summary: "inherited socket pair, or shared memory made over it",
		Connected: true, Boundaries: true, Ordered: true, Lossless: true, MaxMessage: driver.MaxLimit, Reach: driver.Related,
		Access: "who inherits the descriptor", Races: "no name, so none to race for",
	}
}

// Resolve leaves the address as it is: a number says it all.
func (fdTransport) Resolve(a driver.Address) (driver.Address, error) { return a, nil }

// Dial joins over the descriptor that the address names, which becomes the
// Conn's: a connected socket, of which the peer has the other end.
func (fdTransport) Dial(ctx context.Context, a driver.Address) (driver.Conn, error) {
	way, err := parseFD(a)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(a.Name, 10, 31)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not the number of a descriptor", driver.ErrAddress, a.Name)
	}
	packets, err := checkSocket(int(number))
	if err != nil {
		return nil, err
	}
	return way.join(ctx, os.NewFile(uintptr(number), a.String()), a, packets, dials)
}

func (fdTransport) Listen(context.Context, driver.Address) (driver.Listener, error) {
	return nil, fmt.Errorf("%w: fd: has no name to listen at: start the child with kith.Start", errors.ErrUnsupported)
}

// checkSocket makes sure that the descriptor is a connected socket, and makes
// it fit for the netpoller.
func checkSocket(fd int) (packets bool, err error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil {
		_, err = unix.Getpeername(fd)
	}
	if err != nil {
		return false, fmt.Errorf("descriptor %d is not a connected socket: %w", fd, err)
	}
	unix.CloseOnExec(fd)
	return kind == unix.SOCK_SEQPACKET, os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
}

// A fdWay is how a parent and a child talk over their socket.
type fdWay struct {
	shared  bool
	options shm.Options
}

func parseFD(a driver.Address) (way fdWay, err error) {
	if way.shared = a.Choice("via", "socket", "shm") == "shm"; way.shared {
		way.options = shm.ParseOptions(&a)
	} else {
		way.options.Limit = a.Limit()
	}
	return way, a.Done()
}

// join makes a Conn of the socket, which it owns.
func (w fdWay) join(ctx context.Context, socket *os.File, a driver.Address, packets bool, as role) (driver.Conn, error) {
	switch {
	case w.shared && as == listens:
		return shm.Answer(ctx, socket, a, w.options)
	case w.shared:
		return shm.Offer(ctx, socket, a, w.options)
	}
	conn, err := joinSocket(ctx, socket, a, w.options.Limit, packets, as)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	return conn, nil
}

// ParentEnv is the environment variable that tells a child the address of its
// parent.
const ParentEnv = "KITH_PARENT"

// Start starts cmd with a socket to it, and joins it when it calls Parent. A
// child that ends before, or takes too long, is killed and waited for.
func Start(ctx context.Context, cmd *exec.Cmd, a driver.Address) (driver.Conn, error) {
	way, err := parseFD(a)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := sock.Pair(sock.Packet)
	if err != nil {
		return nil, err
	}
	a = a.Named(strconv.Itoa(3 + len(cmd.ExtraFiles))) // exec.Cmd: after 0, 1 and 2
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	cmd.Env = append(cmd.Environ(), ParentEnv+"="+a.String())
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return nil, err
	}
	conn, err := way.join(ctx, ours, a, true, listens)
	if err != nil {
		_ = cmd.Process.Kill()
		if cmd.WaitDelay == 0 {
			cmd.WaitDelay = time.Second // a grandchild may hold its output open
		}
		_ = cmd.Wait()
		return nil, fmt.Errorf("%s did not call kith.Parent: %w", cmd.Path, err)
	}
	return conn, nil
}
