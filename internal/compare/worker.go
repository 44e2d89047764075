package compare

import (
	"context"
	"io"
	"os"
	"os/exec"

	"kith"
	"kith/driver"
)

// workerEnv tells a process that it is a worker.
const workerEnv = "KITH_COMPARE_WORKER"

// orderLine is the address at which a process and the one it started meet to
// give and take orders.
const orderLine = "fd:?via=socket"

// IsWorker reports whether this process was started by a run of this package.
// If so, it is to call Work and then exit, whatever its arguments are.
func IsWorker() bool { return os.Getenv(workerEnv) != "" }

// Work is the life of a worker: it takes its part from the process that
// started it, then orders, until there are no more.
func Work(ctx context.Context) error {
	parent, err := kith.Parent(ctx)
	if err != nil {
		return err
	}
	defer parent.Close()
	mine, err := hear[part](ctx, parent)
	if err != nil {
		return err
	}
	if mine.Leads {
		return leadWorker(ctx, parent, mine)
	}
	return followWorker(ctx, parent, mine)
}

// another is this program again, as a worker. What it says of itself on
// standard error goes where to points.
func another(to io.Writer, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{os.Args[0], "compare"}
	cmd.Env = append(append(os.Environ(), workerEnv+"=1"), env...)
	cmd.Stderr = to
	return cmd
}

// untilGone is a context that ends with the process at the other end of conn,
// which says nothing more.
func untilGone(ctx context.Context, conn *kith.Conn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, err := conn.Receive(ctx)
		cancel(err)
	}()
	return ctx, func() { cancel(nil) }
}

// named reports whether an address is met by its name, or joins only a process
// and its child.
func named(address string) (bool, error) {
	a, err := driver.ParseAddress(address)
	if err != nil {
		return false, err
	}
	t, err := driver.Lookup(a.Scheme)
	if err != nil {
		return false, err
	}
	return t.Traits().Named, nil
}
