package compare

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"kith"
)

// A follower is the process that the leader has started.
type follower struct {
	conn *kith.Conn // what is measured
	line *kith.Conn // keeps the follower; the same as conn for fd:
	cmd  *exec.Cmd
}

func startFollower(ctx context.Context, mine part) (*follower, error) {
	hasName, err := named(mine.Address)
	if err != nil {
		return nil, err
	}
	mine.Leads = false
	f := &follower{cmd: another(os.Stderr)}
	if hasName {
		err = f.meet(ctx, mine)
	} else {
		err = f.join(ctx, mine)
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// join starts the follower at the address itself.
func (f *follower) join(ctx context.Context, mine part) (err error) {
	if f.line, err = kith.StartAt(ctx, f.cmd, mine.Address); err != nil {
		return err
	}
	f.conn = f.line
	return tell(ctx, f.conn, mine)
}

// meet starts the follower, and dials where it says that it listens.
func (f *follower) meet(ctx context.Context, mine part) (err error) {
	if f.line, err = kith.StartAt(ctx, f.cmd, orderLine); err != nil {
		return err
	}
	if err := tell(ctx, f.line, mine); err != nil {
		return err
	}
	at, err := hearReply(ctx, f.line)
	if err != nil {
		return err
	}
	f.conn, err = kith.Dial(ctx, at.Address)
	return err
}

// close ends the follower, and waits until it has.
func (f *follower) close() {
	if f.conn != nil {
		_ = f.conn.Close()
	}
	if f.line != nil {
		_ = f.line.Close()
		_ = f.cmd.Wait() // its own last words say what went wrong
	}
}

// lead has the follower do its half of an order, does the leader's, and puts
// the two together.
func (f *follower) lead(ctx context.Context, do order) (reply, error) {
	if err := tell(ctx, f.conn, do); err != nil {
		return reply{}, err
	}
	ours, err := f.half(ctx, do)
	if err != nil {
		return reply{}, err
	}
	theirs, err := hearReply(ctx, f.conn)
	if err != nil {
		return reply{}, err
	}
	switch {
	case do.Cell != nil:
		ours.Result.Follower = theirs.Result.Follower
	case do.Stream != nil:
		theirs.Arrival.Elapsed = ours.Arrival.Elapsed
		ours.Arrival = theirs.Arrival
	}
	return ours, nil
}

func (f *follower) half(ctx context.Context, do order) (reply, error) {
	switch {
	case do.Cell != nil:
		result, err := leadCell(ctx, f.conn, *do.Cell)
		return reply{Result: &result}, err
	case do.Stream != nil:
		elapsed, err := leadStream(ctx, f.conn, *do.Stream)
		return reply{Arrival: &Arrival{Elapsed: elapsed}}, err
	}
	return reply{}, errors.New("an order without anything to do")
}
