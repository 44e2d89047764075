package compare

import (
	"context"
	"errors"
	"io"

	"kith"
)

// followWorker meets the leader, then does its half of each order.
func followWorker(ctx context.Context, parent *kith.Conn, mine part) error {
	if err := pinProcess(mine.Place.Follower); err != nil {
		return err
	}
	hasName, err := named(mine.Address)
	if err != nil {
		return err
	}
	if !hasName { // the connection to the parent is the one to measure
		return follow(ctx, parent)
	}
	conn, err := await(ctx, parent, mine.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := untilGone(ctx, parent)
	defer cancel()
	return follow(ctx, conn)
}

// await listens, tells the leader where, and takes it in.
func await(ctx context.Context, parent *kith.Conn, address string) (*kith.Conn, error) {
	listener, err := kith.Listen(ctx, address)
	if err != nil {
		return nil, errors.Join(err, tell(ctx, parent, refusal(err)))
	}
	defer listener.Close()
	if err := tell(ctx, parent, reply{Address: listener.Addr()}); err != nil {
		return nil, err
	}
	return listener.Accept(ctx)
}

// follow takes orders from the connection that is measured.
func follow(ctx context.Context, conn *kith.Conn) error {
	for {
		do, err := hear[order](ctx, conn)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := followOrder(ctx, conn, do)
		if err != nil {
			return err
		}
		if err := tell(ctx, conn, answer); err != nil {
			return err
		}
	}
}

func followOrder(ctx context.Context, conn *kith.Conn, do order) (reply, error) {
	switch {
	case do.Cell != nil:
		used, err := followCell(ctx, conn, *do.Cell)
		return reply{Result: &Result{Follower: used}}, err
	case do.Stream != nil:
		arrival, err := followStream(ctx, conn)
		return reply{Arrival: &arrival}, err
	}
	return reply{}, errors.New("an order without anything to do")
}
