package compare

import (
	"context"
	"errors"

	"kith"
)

// leadWorker starts the follower, then does its half of each order.
func leadWorker(ctx context.Context, parent *kith.Conn, mine part) error {
	if err := pinProcess(mine.Place.Leader); err != nil {
		return err
	}
	ctx, orders, cancel := takeOrders(ctx, parent)
	defer cancel()
	follower, err := startFollower(ctx, mine)
	if err != nil {
		return errors.Join(err, tell(ctx, parent, refusal(err)))
	}
	defer follower.close()
	if err := tell(ctx, parent, reply{Address: follower.conn.Addr()}); err != nil {
		return err
	}
	for do := range orders {
		answer, err := follower.lead(ctx, do)
		if err != nil {
			return errors.Join(err, tell(ctx, parent, refusal(err)))
		}
		if err := tell(ctx, parent, answer); err != nil {
			return err
		}
	}
	return nil
}

// takeOrders receives orders. When the coordinator goes, the context ends, in
// the middle of a measurement too.
func takeOrders(ctx context.Context, parent *kith.Conn) (context.Context, <-chan order, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	orders := make(chan order)
	go func() {
		defer cancel()
		defer close(orders)
		for {
			do, err := hear[order](ctx, parent)
			if err != nil {
				return
			}
			select {
			case orders <- do:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, orders, cancel
}
