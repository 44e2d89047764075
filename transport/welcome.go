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

// greet says our hello over the link, and hears the peer's.
func greet(ctx context.Context, l link, own rendezvous.Hello) (welcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, rendezvous.HandshakeTime, rendezvous.ErrSilent)
	defer cancel()
	if err := say(ctx, l, own); err != nil {
		return welcome{}, err
	}
	reading := sys.Bridge{SetDeadline: l.SetReadDeadline}
	reading.Arm(ctx)
	defer reading.Disarm()
	heard := make([]byte, rendezvous.HelloSize)
	if _, err := io.ReadFull(l, heard); err != nil {
		return welcome{}, reading.Cause(ctx, rendezvous.HungUp(err))
	}
	return agree(own, heard)
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
