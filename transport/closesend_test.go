package transport

import (
	"errors"
	"io"
	"net"
	"testing"

	"kith/internal/sys"
	"kith/ring"
)

// An overtakenLink is one whose Close comes between CloseSend's look and its
// write: a Close that has found no goodbye ends what may be a Send.
type overtakenLink struct{ *byteLink }

func (l overtakenLink) TryWrite(p []byte) (int, error) {
	if err := l.SetWriteDeadline(sys.Past); err != nil {
		return 0, err
	}
	return l.byteLink.TryWrite(p)
}

// CloseSend and Close in the same instant say one goodbye: the one that was
// stopped leaves it to the other.
func TestCloseSendBesideClose(t *testing.T) {
	s, peer := onSocket(t, 100)
	s.link = overtakenLink{s.link.(*byteLink)}
	if err := s.CloseSend(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("CloseSend that Close overtook: %v, want net.ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	heard, err := io.ReadAll(peer)
	if want := record(ring.Goodbye, nil); string(heard) != string(want) || err != nil {
		t.Errorf("the peer heard % x, %v, want one goodbye", heard, err)
	}
}
