package kith

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"kith/driver"
	"kith/transport"
)

// Start starts cmd and joins it over shared memory, without a name: the child
// calls Parent, for which it has 10 seconds, or less if ctx ends before. Start adds
// a descriptor to cmd.ExtraFiles and a variable to cmd.Env. The process stays the
// caller's to wait for (cmd.Wait), but where Start fails it has been killed and
// waited for: its output, which a process of its own may hold open, for no longer
// than cmd.WaitDelay, or a second where that is 0.
//
// Errors: what cmd.Start returns, ErrVersion, ErrProtocol (the child ended, or does
// not speak kith; one that did not call Parent in time matches
// os.ErrDeadlineExceeded too), the context's cause.
func Start(ctx context.Context, cmd *exec.Cmd) (*Conn, error) {
	return StartAt(ctx, cmd, "fd:?via=shm")
}

// StartAt is Start with an address of the scheme fd, whose name is empty:
// fd:?via=socket has no shared memory, fd:?via=shm&ring=1m a larger ring.
//
// Errors: ErrAddress, and Start's.
func StartAt(ctx context.Context, cmd *exec.Cmd, addr string) (*Conn, error) {
	conn, err := start(ctx, cmd, addr)
	if err != nil {
		return nil, &OpError{Op: "start", Addr: addr, Err: err}
	}
	return newConn(conn), nil
}

func start(ctx context.Context, cmd *exec.Cmd, addr string) (driver.Conn, error) {
	if err := cause(ctx); err != nil {
		return nil, err
	}
	a, err := driver.ParseAddress(addr)
	if err != nil {
		return nil, err
	}
	if a.Scheme != transport.FD.Traits().Scheme || a.Name != "" {
		return nil, fmt.Errorf("%w: a child is started at fd:?…, without a name", driver.ErrAddress)
	}
	return transport.Start(ctx, cmd, a)
}

// Parent joins the process that started this one with Start. It can be called
// once; what this process starts itself does not see the parent.
//
// Errors: ErrNoListener where no Start has started this process, and Dial's.
func Parent(ctx context.Context) (*Conn, error) {
	addr := os.Getenv(transport.ParentEnv)
	if addr == "" {
		return nil, &OpError{Op: "dial", Addr: "parent", Err: fmt.Errorf("%w: %s is not set: not started by kith.Start, or called before", ErrNoListener, transport.ParentEnv)}
	}
	if err := cause(ctx); err != nil {
		return nil, &OpError{Op: "dial", Addr: addr, Err: err}
	}
	if err := os.Unsetenv(transport.ParentEnv); err != nil {
		return nil, &OpError{Op: "dial", Addr: addr, Err: err}
	}
	return Dial(ctx, addr)
}
