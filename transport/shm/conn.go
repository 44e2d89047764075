package shm

import (
	"context"
	"errors"
	"fmt"
	"net"

	"kith/driver"
	"kith/internal/sys"
	"kith/internal/wait"
	"kith/ring"
)

// A conn is one side of a connection: its own segment, the peer's, and the two
// sockets at which its receiver and its sender park.
type conn struct {
	address driver.Address
	own     []byte
	peer    []byte
	front   *wait.Door // receivers park here
	back    *wait.Door // senders park here

	sender
	receiver
}

func newConn(p *parts, a driver.Address) (*conn, error) {
	front, err := wait.NewDoor(p.front)
	if err != nil {
		return nil, err
	}
	back, err := wait.NewDoor(p.back)
	if err != nil {
		return nil, err
	}
	if p.gift {
		back.Distrust()
	}
	own := ring.NewSegment(p.own, p.options.Ring)
	peer := ring.NewSegment(p.peer, int(p.peerSays.Ring))
	c := &conn{address: a, own: p.own, peer: p.peer, front: front, back: back}
	fence := !(sys.HaveBarrier() && p.peerSays.Barrier)
	c.sender = newSender(own, peer, fence, min(p.options.Limit, int(p.peerSays.Limit)), front, back)
	c.receiver = newReceiver(own, peer, p.options.Limit, front, back)
	c.sender.memory, c.receiver.memory = p.own, p.peer
	return c, nil
}

func (c *conn) Address() driver.Address { return c.address }

// Stats is what both halves have counted; none of it is in the shared memory.
func (c *conn) Stats() driver.Stats {
	return driver.Stats{
		Sent: c.sender.sent.Load(), Received: c.receiver.received.Load(),
		Room: driver.Waits(c.sender.waiter.Waits()), Data: driver.Waits(c.receiver.waiter.Waits()),
		Full: c.sender.full.Load(), Peak: c.sender.producer.Peak(),
		Knocks: c.sender.bell.Knocks() + c.receiver.bell.Knocks(),
	}
}

// Close ends the calls in flight, says goodbye, hangs up, and only then unmaps. What is
// lent stays mapped until it is given back.
func (c *conn) Close() error {
	if !c.sender.gate.Shut() {
		return nil
	}
	c.receiver.gate.Shut()
	c.front.Interrupt()
	c.back.Interrupt()
	reserved := c.sender.gate.Wait()
	defer c.sender.gate.Done() // until then a borrower unmaps nothing: both halves use both segments
	leased := c.receiver.gate.Wait()
	defer c.receiver.gate.Done()
	c.sender.goodbye()
	c.receiver.consumer.Tell() // so that what we have received was not sent in vain
	c.receiver.waiter.Close()
	return errors.Join(c.front.Close(), c.back.Close(), unmap(c.own, reserved), unmap(c.peer, leased))
}

func unmap(memory []byte, lent bool) error {
	if lent {
		return nil
	}
	return sys.Unmap(memory)
}

// interrupted is for calls that can go on for long without waiting.
func interrupted(ctx context.Context, gate *wait.Gate) error {
	if gate.IsShut() {
		return net.ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// refused is what a call returns that was not let in.
func refused(gate *wait.Gate) error {
	if errors.Is(gate.Refused(), wait.ErrTaken) {
		return driver.ErrConcurrent
	}
	return net.ErrClosed
}

// ended is why a side's half of the connection came to an end for good: the
// peer's memory made no sense, or it is gone.
func ended(err error) error {
	if errors.Is(err, ring.ErrCorrupt) || errors.Is(err, ring.ErrHeader) {
		return fmt.Errorf("%w: %w", driver.ErrProtocol, err)
	}
	return err
}
