package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"kith"
	"kith/internal/kithtest"
)

// In these cases the sides dial and listen themselves.
var listenerCases = []testCase{
	{name: "listener/several dialers", meets: true, near: serveSeveral, far: dialSeveral},
	{name: "listener/cancelled accept", meets: true, near: cancelAccept, far: askOnce},
	{name: "listener/close ends accept", meets: true, near: closeUnderAccept, far: nothing},
	{name: "listener/close leaves connections", meets: true, near: closeUnderConn, far: talkOn},
	{name: "listener/close with a dialer not accepted", meets: true, near: closeUnaccepted, far: dialUnaccepted},
	{name: "listener/nobody is there", meets: true, near: dialNobody, far: nothing},
	{name: "listener/stopped process", meets: true, kills: true, near: dialStopped, far: serveUntilDeath},
	{name: "listener/dead dialer", meets: true, kills: true, near: serveAfterDeath, far: dialAndRest},
	{name: "listener/dead dialers", meets: true, kills: true, near: serveThroughDeath, far: dialEndlessly},
}

func nothing(*side) error { return nil }

// A server echoes to those who dial a listener, until that is closed.
type server struct {
	*kith.Listener
	accepting []*kithtest.Call
}

// serve listens, and accepts in several goroutines at once.
func (s *side) serve(address string) (*server, error) {
	listener, err := kith.Listen(s, address)
	if err != nil {
		return nil, err
	}
	served := &server{Listener: listener}
	for range 3 {
		served.accepting = append(served.accepting, kithtest.Go(func() error { return s.acceptAll(listener) }))
	}
	return served, nil
}

// stop closes the listener, and wants that to be why Accept fails.
func (s *server) stop() error {
	err := s.Close()
	for _, call := range s.accepting {
		err = errors.Join(err, failure("accept", call.Wait(), net.ErrClosed))
	}
	return err
}

// acceptAll returns when Accept fails and its connections have ended.
func (s *side) acceptAll(listener *kith.Listener) error {
	var talking sync.WaitGroup
	defer talking.Wait()
	for {
		conn, err := listener.Accept(s)
		if err != nil {
			return err
		}
		talking.Go(func() {
			_ = echo(&side{Context: s, conn: conn}) // a dialer may go as it likes
			_ = conn.Close()
		})
	}
}

// ask dials one who echoes, and checks what comes back.
func (s *side) ask(address string) error {
	conn, err := kith.Dial(s, address)
	if err != nil {
		return err
	}
	asking := &side{Context: s, conn: conn, isNear: s.isNear}
	return errors.Join(asking.askEcho(3, 100), conn.Close())
}

// hearAddress hears where the other side listens, and keeps this side's keys.
func (s *side) hearAddress() error {
	listening, err := s.other.Hear()
	if err == nil {
		s.address = renamed(s.address, listening)
	}
	return err
}

func serveSeveral(s *side) error {
	served, err := s.serve(s.address)
	if err != nil {
		return err
	}
	return steps(
		func() error { return s.tell(served.Addr()) },
		func() error { return s.await("all asked") },
		served.stop,
	)
}

func dialSeveral(s *side) error {
	if err := s.hearAddress(); err != nil {
		return err
	}
	var asking [8]*kithtest.Call
	for i := range asking {
		asking[i] = kithtest.Go(func() error { return errors.Join(s.ask(s.address), s.ask(s.address)) })
	}
	var failed error
	for _, call := range asking {
		failed = errors.Join(failed, call.Wait())
	}
	return errors.Join(failed, s.tell("all asked"))
}

func cancelAccept(s *side) error {
	listener, err := kith.Listen(s, s.address)
	if err != nil {
		return err
	}
	accept := func(ctx context.Context) error { _, err := listener.Accept(ctx); return err }
	err = steps(
		func() error { return s.cancelled("accept", accept) },
		func() error { return s.expired("accept", accept) },
		func() error { return s.tell(listener.Addr()) },
		func() error { return s.echoOnce(listener) },
	)
	return errors.Join(err, listener.Close())
}

// echoOnce accepts one, and echoes until it has gone.
func (s *side) echoOnce(listener *kith.Listener) error {
	conn, err := listener.Accept(s)
	if err != nil {
		return err
	}
	return errors.Join(echo(&side{Context: s, conn: conn}), conn.Close())
}

func askOnce(s *side) error {
	return steps(s.hearAddress, func() error { return s.ask(s.address) })
}

func closeUnderAccept(s *side) error {
	listener, err := kith.Listen(s, s.address)
	if err != nil {
		return err
	}
	var accepting [3]*kithtest.Call
	for i := range accepting {
		accepting[i] = kithtest.Go(func() error { _, err := listener.Accept(s); return err })
		if err := accepting[i].Parked(); err != nil {
			return err
		}
	}
	err = errors.Join(listener.Close(), listener.Close())
	for _, call := range accepting {
		err = errors.Join(err, failure("accept", call.Wait(), net.ErrClosed))
	}
	_, again := listener.Accept(s)
	return errors.Join(err, failure("accept", again, net.ErrClosed))
}

// closeUnderConn closes the listener under a connection, which goes on, and
// makes the name anew, which is free.
func closeUnderConn(s *side) error {
	listener, err := kith.Listen(s, s.address)
	if err != nil {
		return err
	}
	if err := s.tell(listener.Addr()); err != nil {
		return err
	}
	conn, err := listener.Accept(s)
	if err != nil {
		return err
	}
	talking := &side{Context: s, conn: conn, isNear: true}
	return steps(
		listener.Close,
		func() error { return talking.askEcho(0, 5000) },
		func() error { return s.serveHere(renamed(s.address, listener.Addr())) },
		func() error { return talking.askEcho(1, 5000) },
		conn.CloseSend,
		func() error { return talking.receiveEnd(io.EOF) },
		conn.Close,
	)
}

// serveHere listens, dials and talks to itself.
func (s *side) serveHere(address string) error {
	served, err := s.serve(address)
	if err != nil {
		return err
	}
	return errors.Join(s.ask(served.Addr()), served.stop())
}

func talkOn(s *side) error {
	if err := s.hearAddress(); err != nil {
		return err
	}
	conn, err := kith.Dial(s, s.address)
	if err != nil {
		return err
	}
	return errors.Join(echo(&side{Context: s, conn: conn}), conn.Close())
}

// closeUnaccepted closes the listener under one that nobody accepted.
func closeUnaccepted(s *side) error {
	listener, err := kith.Listen(s, s.address)
	if err != nil {
		return err
	}
	return steps(
		func() error { return s.tell(listener.Addr()) },
		func() error { return s.await("dialled") },
		listener.Close,
	)
}

// dialUnaccepted: whether Dial waits for the Accept that does not come or not,
// it hears of the end.
func dialUnaccepted(s *side) error {
	if err := s.hearAddress(); err != nil {
		return err
	}
	var conn *kith.Conn
	dialling := kithtest.Go(func() (err error) { conn, err = kith.Dial(s, s.address); return err })
	_ = dialling.Parked() // or it has returned
	if err := s.tell("dialled"); err != nil {
		return err
	}
	if err := dialling.Wait(); err != nil {
		return failure("dial", err)
	}
	dialled := &side{Context: s, conn: conn}
	return errors.Join(dialled.receiveEnd(io.EOF), conn.Close())
}

func dialNobody(s *side) error {
	listener, err := kith.Listen(s, s.address)
	if err != nil {
		return err
	}
	if err := listener.Close(); err != nil {
		return err
	}
	return s.nobody(listener.Addr())
}

// nobody wants nobody to listen at the address.
func (s *side) nobody(address string) error {
	_, err := kith.Dial(s, address)
	return failure("dial", err, kith.ErrNoListener)
}

func serveUntilDeath(s *side) error {
	served, err := s.serve(s.address)
	if err != nil {
		return err
	}
	return steps(
		func() error { return s.tell(served.Addr()) },
		func() error { return s.await("death") },
	)
}

// dialStopped dials a process that does not answer, until it gives up.
func dialStopped(s *side) error {
	dial := func(ctx context.Context) error { _, err := kith.Dial(ctx, s.address); return err }
	return steps(
		s.hearAddress,
		s.process().Stop,
		func() error { return s.cancelled("dial", dial) },
		func() error { return s.expired("dial", dial) },
		s.process().Continue,
		func() error { return s.ask(s.address) },
		s.kill,
		func() error { return s.nobody(s.address) },
		func() error { return s.serveHere(s.address) }, // which removes the dead one's name
	)
}

// serveAfterDeath: a dialer that was killed is in nobody's way.
func serveAfterDeath(s *side) error {
	served, err := s.serve(s.address)
	if err != nil {
		return err
	}
	return steps(
		func() error { return s.tell(served.Addr()) },
		s.killResting,
		func() error { return s.ask(served.Addr()) },
		served.stop,
	)
}

func dialAndRest(s *side) error {
	if err := s.hearAddress(); err != nil {
		return err
	}
	conn, err := kith.Dial(s, s.address)
	if err != nil {
		return err
	}
	talking := &side{Context: s, conn: conn}
	return steps(
		func() error { return talking.askEcho(0, 10) },
		func() error { return rest(s) },
	)
}

// serveThroughDeath kills a process that dials and dials, wherever it is.
func serveThroughDeath(s *side) error {
	served, err := s.serve(s.address)
	if err != nil {
		return err
	}
	return steps(
		func() error { return s.tell(served.Addr()) },
		func() error { return s.await("dialling") },
		s.kill,
		func() error { return s.ask(served.Addr()) },
		served.stop,
	)
}

func dialEndlessly(s *side) error {
	if err := s.hearAddress(); err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := s.ask(s.address); err != nil {
			return fmt.Errorf("dial %d: %w", i, err)
		}
		if i == 20 {
			if err := s.tell("dialling"); err != nil {
				return err
			}
		}
	}
}
