package death_test

import (
	"context"

	"kith"
	"kith/internal/kithtest"
)

// An operation is what the victim is killed in, and what comes before.
type operation struct {
	name string
	size int // of the victim's messages, bytes; 0: small

	// In the victim. What it sends in prepare are the messages 0…sent-1, and act may
	// send one more.
	sent    int
	sends   bool
	closes  bool
	long    bool // too many instructions to kill after each, most of them Go's own
	prepare func(context.Context, *kith.Conn) error
	act     func(context.Context, *kith.Conn) error

	// In the survivor: what it does before the victim prepares, meanwhile, and when the
	// victim is ready; and what it does when the victim sleeps.
	before    func(*survivor) error
	meanwhile func(*survivor) error
	ready     func(*survivor) error
	wake      func(*survivor) error
}

func (o *operation) length() int {
	if o.size == 0 {
		return small
	}
	return o.size
}

// total is how many messages the victim sends, if it returns from act.
func (o *operation) total() int {
	if o.sends {
		return o.sent + 1
	}
	return o.sent
}

var operations = []operation{
	{name: "Send", sent: 3, sends: true, prepare: sendFirst(3), act: sendOne(3, small)},
	{
		name: "Send over the ring's end", sent: full, sends: true,
		prepare: sendFirst(full), meanwhile: receiveFirst(full / 2), act: sendOne(full, small),
	},
	{
		name: "Send to one who waits", sent: 3, sends: true,
		prepare: sendFirst(3), meanwhile: receiveFirst(3), ready: parkInReceive, act: sendOne(3, small),
	},
	{name: "Send in pieces", size: 2000, sends: true, prepare: sendFirst(0), act: sendOne(0, 2000)},
	{
		name: "Send that waits for room", long: true, sent: full, sends: true,
		prepare: sendFirst(full), act: sendOne(full, small), wake: receiveFirst(full / 2),
	},
	{name: "Reserve and Commit", sent: 3, sends: true, prepare: commitFirst(3), act: commitOne(3)},
	{
		name: "Reserve and Commit to one who waits", sent: 3, sends: true,
		prepare: commitFirst(3), meanwhile: receiveFirst(3), ready: parkInReceive, act: commitOne(3),
	},
	{name: "Reserve and Discard", sent: 3, prepare: commitFirst(3), act: discardOne},
	{name: "Receive", prepare: receiveOnes(2), before: sendOnes(4), act: receiveOnes(1)},
	{name: "Receive that makes room", prepare: receiveOnes(7), before: parkInSend, act: receiveOnes(1)},
	{name: "Receive that waits", long: true, prepare: receiveOnes(2), before: sendOnes(2), act: receiveOnes(1), wake: sendOnes(1)},
	{name: "Lease and Release", prepare: leaseOnes(2), before: sendOnes(4), act: leaseOnes(1)},
	{name: "Lease and Release that makes room", prepare: leaseOnes(7), before: parkInSend, act: leaseOnes(1)},
	{name: "Lease that waits", long: true, prepare: leaseOnes(2), before: sendOnes(2), act: leaseOnes(1), wake: sendOnes(1)},
	{name: "CloseSend", sent: 3, closes: true, prepare: sendFirst(3), act: closeSend},
	{
		name: "CloseSend to one who waits", sent: 3, closes: true,
		prepare: sendFirst(3), meanwhile: receiveFirst(3), ready: parkInReceive, act: closeSend,
	},
	{name: "Close", long: true, sent: 3, closes: true, prepare: sendFirst(3), act: closeConn},
	{
		name: "Close to one who waits", long: true, sent: 3, closes: true,
		prepare: sendFirst(3), meanwhile: receiveFirst(3), ready: parkInReceive, act: closeConn,
	},
}

func sendFirst(count int) func(context.Context, *kith.Conn) error {
	return func(ctx context.Context, conn *kith.Conn) error { return send(ctx, conn, 0, count, small) }
}

func sendOne(n, size int) func(context.Context, *kith.Conn) error {
	msg := message(n, size) // when the program starts
	return func(ctx context.Context, conn *kith.Conn) error { return conn.Send(ctx, msg) }
}

func commitOne(n int) func(context.Context, *kith.Conn) error {
	msg := message(n, small)
	return func(ctx context.Context, conn *kith.Conn) error {
		room, err := conn.Reserve(ctx, small)
		if err != nil {
			return err
		}
		copy(room, msg)
		return conn.Commit(ctx, small)
	}
}

// commitFirst: what a program does for the first time, Go's runtime has to prepare.
func commitFirst(count int) func(context.Context, *kith.Conn) error {
	return func(ctx context.Context, conn *kith.Conn) error {
		for n := range count {
			if err := commitOne(n)(ctx, conn); err != nil {
				return err
			}
		}
		return nil
	}
}

func discardOne(ctx context.Context, conn *kith.Conn) error {
	room, err := conn.Reserve(ctx, small)
	if err != nil {
		return err
	}
	clear(room)
	conn.Discard()
	return nil
}

// receiveOnes receives so many messages, of whatever number.
func receiveOnes(count int) func(context.Context, *kith.Conn) error {
	return func(ctx context.Context, conn *kith.Conn) error {
		for range count {
			if _, err := conn.Receive(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func leaseOnes(count int) func(context.Context, *kith.Conn) error {
	return func(ctx context.Context, conn *kith.Conn) error {
		for range count {
			lease, err := conn.Lease(ctx)
			if err != nil {
				return err
			}
			lease.Release()
		}
		return nil
	}
}

func closeSend(_ context.Context, conn *kith.Conn) error { return conn.CloseSend() }

func closeConn(_ context.Context, conn *kith.Conn) error { return conn.Close() }

// What the survivor does.

func receiveFirst(count int) func(*survivor) error {
	return func(s *survivor) error { return s.receive(count) }
}

func sendOnes(count int) func(*survivor) error {
	return func(s *survivor) error { return s.send(count) }
}

// parkInReceive waits for a message that has not come.
func parkInReceive(s *survivor) error {
	s.parked = kithtest.Go(func() error { return s.receive(1) })
	return s.parked.Parked()
}

// parkInSend fills the ring and waits for room, as long as there is any.
func parkInSend(s *survivor) error {
	s.parked = kithtest.Go(func() error { return s.send(1000) })
	return s.parked.Parked()
}
