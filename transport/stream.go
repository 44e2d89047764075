package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/sys"
	"kith/ring"
)

// linger is how long Close waits for room for the goodbye when the peer has
// stopped reading. It is the one wait without a context, so it is short.
const linger = time.Second

// A stream is a Conn over a link: records behind headers, a goodbye at the end.
type stream struct {
	link    link
	address driver.Address
	limit   int // of a message we send, bytes: the smaller of both sides'
	closed  atomic.Bool

	receiving sync.Mutex // held by Receive, for what follows
	frames    frames
	reading   sys.Bridge
	ended     error // how the peer's stream ended, once it has

	sending sync.Mutex // held while a record is written, for what follows
	writing sys.Bridge
	header  [ring.HeaderSize]byte
	packed  []byte // the records of a batch
	unsaid  error  // why the goodbye could not be written

	out, in driver.TrafficCounter

	sent atomic.Pointer[error] // why nothing more can be sent
}

// The values of stream.sent, which needs pointers.
var errSendClosed, errBroken = driver.ErrSendClosed, driver.ErrBroken

func newStream(l link, a driver.Address, w welcome) *stream {
	s := &stream{link: l, address: a, limit: w.limit}
	s.frames = frames{source: l, limit: w.ownLimit, size: max(bufferSize, w.packet)}
	s.reading = sys.Bridge{SetDeadline: l.SetReadDeadline}
	s.writing = sys.Bridge{SetDeadline: l.SetWriteDeadline}
	return s
}

// bufferSize is what is asked of the kernel at once, in bytes: many small
// messages a call.
const bufferSize = 64 << 10

func (s *stream) Address() driver.Address { return s.address }

// Limit is the longest message that can be sent, in bytes.
func (s *stream) Limit() int { return s.limit }

// Stats has no waits: the kernel does not say.
func (s *stream) Stats() driver.Stats {
	return driver.Stats{Sent: s.out.Load(), Received: s.in.Load()}
}

func (s *stream) Send(ctx context.Context, msg []byte) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.sending.Unlock()
	return s.send(ctx, msg)
}

// begin takes the sending half, which is to be unlocked, for a call with the context.
func (s *stream) begin(ctx context.Context) error {
	if err := s.sendable(); err != nil {
		return err
	}
	if !s.sending.TryLock() {
		return s.taken()
	}
	s.writing.Arm(ctx)
	if s.closed.Load() { // after Arm: Close sets a deadline that Arm may take back
		s.sending.Unlock()
		return net.ErrClosed
	}
	return nil
}

func (s *stream) send(ctx context.Context, msg []byte) error {
	if len(msg) > s.limit {
		return driver.TooLarge(len(msg), s.limit)
	}
	n, err := s.write(ring.Pack(ring.Message, len(msg)), msg)
	if err == nil {
		s.out.Message(len(msg))
		return nil
	}
	return s.cut(n, s.writing.Cause(ctx, err))
}

// taken is what a Send returns that finds another under way, or Close.
func (s *stream) taken() error {
	if err := s.sendable(); err != nil {
		return err
	}
	return driver.ErrConcurrent
}

// sendable says why nothing more can be sent, if so.
func (s *stream) sendable() error {
	why := s.sent.Load() // before closed, for Close sets it as well, and later
	if s.closed.Load() {
		return net.ErrClosed
	}
	if why != nil {
		return *why
	}
	return nil
}

func (s *stream) write(h ring.Header, body []byte) (int, error) {
	binary.LittleEndian.PutUint64(s.header[:], uint64(h))
	return s.link.WriteRecord(s.header[:], body)
}

// cut is what a Send returns that wrote n bytes before err.
func (s *stream) cut(n int, err error) error {
	switch {
	case s.closed.Load():
		err = net.ErrClosed
	case errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET):
		return driver.Gone()
	}
	if n > 0 {
		s.sent.Store(&errBroken)
		err = fmt.Errorf("%w: %w", errBroken, err)
	}
	return err
}

func (s *stream) Receive(ctx context.Context) ([]byte, error) {
	if err := s.beginReceive(ctx); err != nil {
		return nil, err
	}
	defer s.receiving.Unlock()
	return s.receive(ctx)
}

// beginReceive takes the receiving half, which is to be unlocked.
func (s *stream) beginReceive(ctx context.Context) error {
	if !s.receiving.TryLock() {
		if s.closed.Load() {
			return net.ErrClosed
		}
		return driver.ErrConcurrent
	}
	err := s.ended
	if err == nil || s.closed.Load() {
		s.reading.Arm(ctx)
		err = nil
		if s.closed.Load() {
			err = net.ErrClosed
		}
	}
	if err != nil {
		s.receiving.Unlock()
	}
	return err
}

func (s *stream) receive(ctx context.Context) ([]byte, error) {
	kind, body, err := s.frames.next()
	switch {
	case err != nil:
		return nil, s.interrupted(ctx, err)
	case kind == ring.Goodbye:
		s.ended = io.EOF
		return nil, s.ended
	}
	s.in.Message(len(body))
	return body, nil
}

// interrupted tells an end of the stream, which stays, from an end of the call.
func (s *stream) interrupted(ctx context.Context, err error) error {
	if s.closed.Load() {
		return net.ErrClosed
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return s.reading.Cause(ctx, err)
	}
	switch {
	case errors.Is(err, driver.ErrProtocol):
		s.ended = err
	case errors.Is(err, io.EOF):
		s.ended = driver.ErrPeerDied
	default:
		s.ended = fmt.Errorf("%w: %w", driver.ErrPeerDied, err)
	}
	return s.ended
}

// CloseSend writes the goodbye if there is room, else leaves it to a goroutine
// which waits for room, and which Close ends.
func (s *stream) CloseSend() error {
	if err := s.sendable(); err != nil {
		if errors.Is(err, driver.ErrSendClosed) {
			return nil
		}
		return err
	}
	if !s.sending.TryLock() {
		return s.taken()
	}
	s.sent.Store(&errSendClosed)
	s.writing.Disarm()
	binary.LittleEndian.PutUint64(s.header[:], uint64(ring.Pack(ring.Goodbye, 0)))
	n, err := s.link.TryWrite(s.header[:])
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) { // Close has begun, and says goodbye itself
		s.sent.Store(nil)
		s.sending.Unlock()
		return net.ErrClosed
	}
	if n == ring.HeaderSize || (err != nil && !errors.Is(err, unix.EAGAIN)) {
		s.sending.Unlock()
		return nil // a peer that is gone needs no goodbye
	}
	go func() {
		defer s.sending.Unlock()
		_, s.unsaid = s.link.WriteRecord(s.header[n:], nil)
	}()
	return nil
}

// Close ends the calls in flight, says goodbye if no message was cut off, and
// waits for room for it no longer than linger.
func (s *stream) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	end := time.Now().Add(linger)
	_ = s.link.SetReadDeadline(sys.Past)
	if s.sent.Load() == nil { // there may be a Send in flight
		_ = s.link.SetWriteDeadline(sys.Past)
	}
	if s.sent.Load() != nil { // there may be a goodbye waiting for room
		_ = s.link.SetWriteDeadline(end)
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	s.writing.Disarm()
	if s.sent.CompareAndSwap(nil, &errSendClosed) {
		_ = s.link.SetWriteDeadline(end)
		_, s.unsaid = s.write(ring.Pack(ring.Goodbye, 0), nil)
	}
	if s.unsaid == nil {
		s.unsaid = s.link.Settle(end)
	}
	err := s.link.Close()
	s.receiving.Lock() // the Receive in flight has ended, or is about to
	defer s.receiving.Unlock()
	s.reading.Disarm()
	if errors.Is(s.unsaid, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the peer has not taken everything within %v, and may see a death: %w", linger, s.unsaid)
	}
	return err
}
