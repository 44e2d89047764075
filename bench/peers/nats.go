package main

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Core NATS has no flow control: a subscriber that is behind loses messages, or its
// connection. So the sender is at most so far ahead, and the receiver tells how far it
// has come, as the documentation of NATS has publishers do.
const (
	aheadBytes    = 8 << 20
	aheadMessages = 16 << 10
	portOnTime    = 5 * time.Second
)

// natsAt meets at a server in the follower's process, so a message takes one hop over
// TCP and not two: NATS speaks no Unix sockets.
var natsAt = &meeting{
	listen: func(_ context.Context, place string) (func() (link, error), error) {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
		if err != nil {
			return nil, err
		}
		s.Start()
		if !s.ReadyForConnections(portOnTime) {
			return nil, errors.New("nats-server is not ready")
		}
		l, err := newPosting("inproc", "there", "here", s.Shutdown, nats.InProcessServer(s))
		if err != nil {
			return nil, err
		}
		return func() (link, error) { return l, nil }, os.WriteFile(place+".nats", []byte(s.ClientURL()), 0o600)
	},
	dial: func(_ context.Context, place string) (link, error) {
		url, err := os.ReadFile(place + ".nats")
		if err != nil {
			return nil, err
		}
		return newPosting(string(url), "here", "there", func() {})
	},
}

// A posting link publishes on one subject and is subscribed to another.
type posting struct {
	conn     *nats.Conn
	to, from string
	end      func()
	payload  []byte
	messages chan *nats.Msg
	credits  chan *nats.Msg

	ahead, behind progress // sent and not yet told to have come; come and not yet told
}

// progress is a number of messages and of their bytes.
type progress struct{ messages, bytes int }

func newPosting(url, to, from string, end func(), options ...nats.Option) (link, error) {
	conn, err := nats.Connect(url, options...)
	if err != nil {
		return nil, err
	}
	p := &posting{
		conn: conn, to: to, from: from, end: end, payload: make([]byte, largest),
		messages: make(chan *nats.Msg, 2*aheadMessages), credits: make(chan *nats.Msg, aheadMessages),
	}
	if _, err = conn.ChanSubscribe(from, p.messages); err == nil {
		_, err = conn.ChanSubscribe(from+".credit", p.credits)
	}
	if err == nil {
		err = conn.Flush() // the server has the subscriptions
	}
	return p, err
}

func (p *posting) put(number uint64, size int) error {
	for p.ahead.messages >= aheadMessages || p.ahead.bytes >= aheadBytes {
		credit := (<-p.credits).Data
		p.ahead.messages -= int(binary.BigEndian.Uint32(credit))
		p.ahead.bytes -= int(binary.BigEndian.Uint32(credit[4:]))
	}
	payload := p.payload[:size]
	fill(payload, number)
	p.ahead.messages++
	p.ahead.bytes += size
	return p.conn.Publish(p.to, payload)
}

// flush is the library's own goroutine's, which writes as soon as there is something.
func (*posting) flush() error { return nil }

func (p *posting) take(number uint64, size int) error {
	msg := <-p.messages
	p.behind.messages++
	p.behind.bytes += size
	if p.behind.messages >= aheadMessages/4 || p.behind.bytes >= aheadBytes/4 {
		credit := binary.BigEndian.AppendUint32(nil, uint32(p.behind.messages))
		credit = binary.BigEndian.AppendUint32(credit, uint32(p.behind.bytes))
		p.behind = progress{}
		if err := p.conn.Publish(p.to+".credit", credit); err != nil {
			return err
		}
	}
	return check(msg.Data, size, number)
}

func (p *posting) Close() error {
	p.conn.Close()
	p.end()
	return nil
}
