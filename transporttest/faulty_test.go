package transporttest

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"kith/driver"
)

// A fault is something that is wrong with a transport, and the case that is
// there to see it.
type fault struct {
	name, seenBy string
	conn         func(driver.Conn) driver.Conn
	listen       func(driver.Address) // what Listen does first
}

var faults = []fault{
	{name: "loses a message", seenBy: "far-dials/order/from far", conn: func(c driver.Conn) driver.Conn { return &losing{Conn: c} }},
	{name: "overtakes", seenBy: "far-dials/order/both ways at once", conn: func(c driver.Conn) driver.Conn { return &overtaking{Conn: c} }},
	{name: "glues messages", seenBy: "inside/size/burst of small ones", conn: func(c driver.Conn) driver.Conn { return &gluing{c} }},
	{name: "takes one byte more", seenBy: "far-listens/size/limit", conn: func(c driver.Conn) driver.Conn { return &generous{c} }},
	{name: "never waits", seenBy: "far-dials/pressure/one way", conn: func(c driver.Conn) driver.Conn { return &hoarding{Conn: c} }},
	{name: "forgets what a cancelled Receive had", seenBy: "far-dials/cancel/receive", conn: func(c driver.Conn) driver.Conn { return &forgetful{Conn: c} }},
	{name: "says goodbye after a cut", seenBy: "far-dials/cancel/send in its message", conn: func(c driver.Conn) driver.Conn { return deaths(c, driver.ErrPeerDied, io.EOF) }},
	{name: "takes a death for a goodbye", seenBy: "far-dials/death/at rest", conn: func(c driver.Conn) driver.Conn { return deaths(c, driver.ErrPeerDied, io.EOF) }},
	{name: "takes a goodbye for a death", seenBy: "inside/close/after sending", conn: func(c driver.Conn) driver.Conn { return deaths(c, io.EOF, driver.ErrPeerDied) }},
	{name: "delivers half a message at death", seenBy: "far-dials/death/in its flow", conn: func(c driver.Conn) driver.Conn { return &tearing{Conn: c} }},
	{name: "takes its message back", seenBy: "inside/close/keeps what was received", conn: func(c driver.Conn) driver.Conn { return &greedy{Conn: c} }},
	{name: "closes both halves", seenBy: "far-dials/half-close/then receive", conn: func(c driver.Conn) driver.Conn { return &whole{c} }},
	{name: "leaks a descriptor", seenBy: "far-dials/order/from near", conn: func(c driver.Conn) driver.Conn { return leaky(c) }},
	{name: "leaks a goroutine", seenBy: "inside/order/from near", conn: func(c driver.Conn) driver.Conn { go func() { select {} }(); return c }},
	{name: "steals a name", seenBy: "meeting/name/in use", listen: func(a driver.Address) { _ = os.Remove(a.Name) }},
	{name: "leaves a file", seenBy: "meeting-inside/listener/nobody is there", listen: func(a driver.Address) { _ = os.WriteFile(a.Name+".left", nil, 0o600) }},
}

// faultEnv is the environment variable that names the fault.
const faultEnv = "TRANSPORTTEST_FAULT"

func init() { driver.Register(faulty{}) }

// faulty is the transport `unix:` with a fault.
type faulty struct{}

func (faulty) sound() driver.Transport {
	t, err := driver.Lookup("unix")
	if err != nil {
		panic(err)
	}
	return t
}

func (f faulty) Traits() driver.Traits {
	return driver.Traits{
		Scheme: "faulty", Summary: "a byte stream", Access: "anybody", Races: "none known", Named: true,
		Connected: true, Ordered: true, Lossless: true, MaxMessage: driver.MaxLimit, Reach: driver.Host,
	}
}

func (f faulty) fault() fault {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == os.Getenv(faultEnv) })
	if i < 0 {
		return fault{}
	}
	return faults[i]
}

func (f faulty) Resolve(a driver.Address) (driver.Address, error) {
	a, err := f.sound().Resolve(rescheme(a, "unix"))
	return rescheme(a, "faulty"), err
}

func (f faulty) Dial(ctx context.Context, a driver.Address) (driver.Conn, error) {
	conn, err := f.sound().Dial(ctx, rescheme(a, "unix"))
	return f.spoil(conn, err)
}

func (f faulty) Listen(ctx context.Context, a driver.Address) (driver.Listener, error) {
	if f.fault().listen != nil {
		f.fault().listen(a)
	}
	listener, err := f.sound().Listen(ctx, rescheme(a, "unix"))
	if err != nil {
		return nil, err
	}
	return faultyListener{listener}, nil
}

func (f faulty) spoil(conn driver.Conn, err error) (driver.Conn, error) {
	if err != nil {
		return nil, err
	}
	conn = addressed{conn}
	if f.fault().conn != nil {
		conn = f.fault().conn(conn)
	}
	return conn, nil
}

func rescheme(a driver.Address, scheme string) driver.Address {
	a.Scheme = scheme
	return a
}

type faultyListener struct{ driver.Listener }

func (l faultyListener) Accept(ctx context.Context) (driver.Conn, error) {
	conn, err := l.Listener.Accept(ctx)
	return faulty{}.spoil(conn, err)
}

func (l faultyListener) Address() driver.Address { return rescheme(l.Listener.Address(), "faulty") }

type addressed struct{ driver.Conn }

func (c addressed) Address() driver.Address { return rescheme(c.Conn.Address(), "faulty") }

type losing struct {
	driver.Conn
	received int
}

func (c *losing) Receive(ctx context.Context) ([]byte, error) {
	if c.received++; c.received == 100 {
		if msg, err := c.Conn.Receive(ctx); err != nil {
			return msg, err
		}
	}
	return c.Conn.Receive(ctx)
}

type overtaking struct {
	driver.Conn
	sent int
	late []byte
}

func (c *overtaking) Send(ctx context.Context, msg []byte) error {
	switch c.sent++; c.sent {
	case 500:
		c.late = slices.Clone(msg)
		return nil
	case 501:
		return errors.Join(c.Conn.Send(ctx, msg), c.Conn.Send(ctx, c.late))
	}
	return c.Conn.Send(ctx, msg)
}

type gluing struct{ driver.Conn }

func (c *gluing) Receive(ctx context.Context) ([]byte, error) {
	msg, err := c.Conn.Receive(ctx)
	if err != nil || len(msg) != 3 {
		return msg, err
	}
	msg = slices.Clone(msg)
	more, err := c.Conn.Receive(ctx)
	return append(msg, more...), err
}

type generous struct{ driver.Conn }

func (c *generous) Send(ctx context.Context, msg []byte) error {
	err := c.Conn.Send(ctx, msg)
	if errors.Is(err, driver.ErrTooLarge) {
		return c.Conn.Send(ctx, msg[:len(msg)-1])
	}
	return err
}

type hoarding struct {
	driver.Conn
	mu    sync.Mutex
	queue [][]byte
}

func (c *hoarding) Send(_ context.Context, msg []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, slices.Clone(msg))
	return nil
}

type forgetful struct {
	driver.Conn
	cancelled bool
}

func (c *forgetful) Receive(ctx context.Context) ([]byte, error) {
	if c.cancelled {
		c.cancelled = false
		_, _ = c.Conn.Receive(ctx)
	}
	msg, err := c.Conn.Receive(ctx)
	c.cancelled = err != nil && ctx.Err() != nil
	return msg, err
}

type mistaken struct {
	driver.Conn
	is, as error
}

func deaths(c driver.Conn, is, as error) driver.Conn { return &mistaken{c, is, as} }

func (c *mistaken) Receive(ctx context.Context) ([]byte, error) {
	msg, err := c.Conn.Receive(ctx)
	if errors.Is(err, c.is) {
		err = c.as
	}
	return msg, err
}

type tearing struct {
	driver.Conn
	torn bool
}

func (c *tearing) Receive(ctx context.Context) ([]byte, error) {
	msg, err := c.Conn.Receive(ctx)
	if errors.Is(err, driver.ErrPeerDied) && !c.torn {
		c.torn = true
		return []byte(strings.Repeat("torn", 5)), nil
	}
	return msg, err
}

type greedy struct {
	driver.Conn
	last []byte
}

func (c *greedy) Receive(ctx context.Context) (msg []byte, err error) {
	msg, err = c.Conn.Receive(ctx)
	c.last = msg
	return msg, err
}

func (c *greedy) Close() error {
	clear(c.last)
	return c.Conn.Close()
}

type whole struct{ driver.Conn }

func (c *whole) CloseSend() error { return c.Close() }

// leaky keeps a descriptor that no finalizer closes.
func leaky(c driver.Conn) driver.Conn {
	if file, err := os.Open("/dev/null"); err == nil {
		leaked = append(leaked, file)
	}
	return c
}

var leaked []*os.File
