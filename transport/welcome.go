package transport

import (
	"context"
	"fmt"
	"io"

	"kith/driver"
	"kith/internal/rendezvous"
	"kith/internal/sys"
)

// A welcome is what two peers agreed on in their hellos.
type welcome struct {
	limit    int // the largest message we send, bytes
	ownLimit int // the largest message we take, bytes
	packet   int // the largest packet the peer sends, bytes; 0 on a byte stream
	session  uint64
}

// maxPacket is the largest packet that is sent or believed, in bytes.
const maxPacket = 1 << 20

// A role is a side of the handshake: the one that dials speaks first. When the
// other has answered, there is a connection.
type role bool

const (
	dials   role = false
	listens role = true
)

// greet shakes hands over the link.
func greet(ctx context.Context, l link, own rendezvous.Hello, as role) (w welcome, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, rendezvous.HandshakeTime, rendezvous.ErrSilent)
	defer cancel()
	if as == dials {
		if err := say(ctx, l, own); err != nil {
			return welcome{}, err
		}
	}
	heard, err := hear(ctx, l)
	if err != nil {
		return welcome{}, err
	}
	w, err = agree(own, heard)
	if as == listens { // whatever it comes to: our hello shows the peer what is wrong
		if said := say(ctx, l, own); err == nil {
			err = said
		}
	}
	return w, err
}

func hear(ctx context.Context, l link) ([]byte, error) {
	reading := sys.Bridge{SetDeadline: l.SetReadDeadline}
	reading.Arm(ctx)
	defer reading.Disarm()
	heard := make([]byte, rendezvous.HelloSize)
	_, err := io.ReadFull(l, heard)
	return heard, reading.Cause(ctx, rendezvous.HungUp(err))
}

// say writes our hello.
func say(ctx context.Context, l link, own rendezvous.Hello) error {
	writing := sys.Bridge{SetDeadline: l.SetWriteDeadline}
	writing.Arm(ctx)
	defer writing.Disarm()
	_, err := l.WriteRecord(own.Bytes(), nil)
	return writing.Cause(ctx, rendezvous.HungUp(err))
}

// agree is what our hello and the one heard come to.
func agree(own rendezvous.Hello, heard []byte) (welcome, error) {
	peer, err := rendezvous.ParseHello(heard, rendezvous.Stream)
	if err == nil && peer.Packet > maxPacket {
		err = fmt.Errorf("%w: it sends packets of %d bytes", driver.ErrProtocol, peer.Packet)
	}
	if err != nil {
		return welcome{}, err
	}
	return welcome{
		limit: int(min(own.Limit, peer.Limit)), ownLimit: int(own.Limit),
		packet: int(peer.Packet), session: peer.Session,
	}, nil
}
