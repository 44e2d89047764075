package cli

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
)

// fileSize is a few megabytes that end in the middle of a message.
const fileSize = 5<<20 + 12345

func TestSendFile(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		for _, size := range []int{0, 1, fileSize} {
			p := newPlace(t)
			data := p.write("in", size)
			r := p.start([]string{"recv", address, "out"})
			s := p.start([]string{"send", r.listening(), "in"})
			s.expect(exitDone, "")
			r.expect(exitDone, "")
			p.wantFile("out", data)
			p.wantLeft("in", "out")
			if s.stderr() != "" || strings.Count(r.stderr(), "\n") != 1 {
				t.Errorf("told without a terminal: %q and %q", s.stderr(), r.stderr())
			}
		}
	})
}

func TestSendListens(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		data := p.write("in", fileSize)
		s := p.start([]string{"send", "--listen", address, "in"})
		r := p.start([]string{"recv", "--dial", s.listening(), "out"})
		s.expect(exitDone, "")
		r.expect(exitDone, "")
		p.wantFile("out", data)
		p.wantLeft("in", "out")
	})
}

func TestSendStream(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		data := p.write("in", fileSize)
		var out bytes.Buffer
		r := p.start([]string{"recv", address}, stdout(&out))
		s := p.start([]string{"send", r.listening(), "-"}, stdin(bytes.NewReader(data)))
		s.expect(exitDone, "")
		r.expect(exitDone, "")
		if !bytes.Equal(out.Bytes(), data) {
			t.Errorf("got %d bytes, want %d others", out.Len(), len(data))
		}
		p.wantLeft("in")
	})
}

// The limit of either side allows smaller messages than ours.
func TestSendUnderLimit(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		data := p.write("in", 1<<20)
		r := p.start([]string{"recv", address + "?limit=1000", "out"})
		plain, _, _ := strings.Cut(r.listening(), "?")
		p.start([]string{"send", plain, "in"}).expect(exitDone, "")
		r.expect(exitDone, "")
		p.wantFile("out", data)
	})
}

func TestSendToNobody(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		p.write("in", 1)
		if strings.HasPrefix(address, "tcp:") {
			address = "tcp:127.0.0.1:1" // a port below 1024 that nobody has been given
		}
		p.start([]string{"send", address, "in"}).expect(exitFailed, "start `kith recv "+address+"` first")
		p.start([]string{"recv", "--dial", address, "out"}).expect(exitFailed, "start `kith send --listen "+address+"` first")
		p.wantLeft("in")
	})
}

// While there is nothing to send, the sender hears of the receiver's death.
func TestSendHearsOfDeath(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		r, s := p.startMidway(address)
		r.signal(syscall.SIGKILL)
		s.expect(exitPeerDied, "it had not confirmed")
		p.wantLeft()
	})
}

func TestSendUnreadableInput(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		r := p.start([]string{"recv", address, "out"})
		// A process may open its own memory; to read it at 0 is an error.
		s := p.start([]string{"send", r.listening(), "/proc/self/mem"})
		s.expect(exitFailed, "read /proc/self/mem: input/output error")
		r.expect(exitPeerDied, "out was not written")
		p.wantLeft()
	})
}
