package cli

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The kills fall at random moments of a transfer of a real file between two
// processes. KITH_KILLS says how many for each transport.
const (
	defaultKills = 5
	killedSize   = 32 << 20
	smallSize    = 1000
)

func kills(t *testing.T) int {
	text := os.Getenv("KITH_KILLS")
	if text == "" {
		return defaultKills
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal("KITH_KILLS: ", err)
	}
	return n
}

// A butcher kills one of two processes again and again, and counts.
type butcher struct {
	*place
	address    string
	big, small []byte
	span       time.Duration // how long a whole transfer takes
	count      map[string]int
}

func newButcher(t *testing.T, address string) *butcher {
	p := newPlace(t)
	b := &butcher{place: p, address: address, count: map[string]int{}}
	b.big, b.small = p.write("big", killedSize), p.write("small", smallSize)
	b.span = max(b.whole(), b.whole()) // the first also warms up
	return b
}

// whole transfers the big file, and says how long the sender took.
func (b *butcher) whole() time.Duration {
	b.t.Helper()
	r := b.start([]string{"recv", b.address, "out"})
	s := b.start([]string{"send", r.listening(), "big"})
	start := time.Now()
	s.expect(exitDone, "")
	span := time.Since(start)
	r.expect(exitDone, "")
	b.wantFile("out", b.big)
	return span
}

// atRandom kills the process at some moment of the time that a transfer takes.
func (b *butcher) atRandom(k *process) {
	select {
	case <-time.After(rand.N(b.span)): // not to wait for something: the moment is the test's input
	case <-k.done:
	}
	_ = k.Process.Kill()
	<-k.done
}

func (b *butcher) report(n int) {
	b.t.Logf("%d kills within %v of a sender's start: %v", n, b.span.Round(time.Millisecond), b.count)
}

// A sender that is killed leaves a receiver that says so, and nothing else;
// unless it was not there yet, or had said all that it had to say.
func TestKillSender(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		n := kills(t)
		b := newButcher(t, address)
		for i := range n {
			old := b.oldOutput(i%2 == 0)
			b.killSender(old)
			if t.Failed() {
				t.Fatalf("at kill %d", i)
			}
		}
		b.report(n)
	})
}

// oldOutput makes a file to be replaced, or sees to it that there is none.
func (b *butcher) oldOutput(make bool) []byte {
	_ = os.Remove(b.path("out"))
	if make {
		return b.write("out", 10)
	}
	return nil
}

func (b *butcher) killSender(old []byte) {
	b.t.Helper()
	r := b.start([]string{"recv", b.address, "out"})
	s := b.start([]string{"send", r.listening(), "big"})
	b.atRandom(s)
	// A receiver that never met the sender still listens: it takes the next.
	next := b.start([]string{"send", r.listening(), "small"})
	met := next.status() != exitDone

	switch status := r.status(); {
	case !met && status == exitDone:
		b.count["before they met"]++
		b.wantFile("out", b.small)
	case met && status == exitDone:
		b.count["after the last byte"]++
		b.wantFile("out", b.big)
	case met && status == exitPeerDied:
		b.count[b.stage(r)]++
		b.wantOld(old)
	default:
		b.t.Errorf("receiver: exit status %d: %s\nnext sender: %s", status, r.stderr(), next.stderr())
	}
}

// stage is when the sender died, as the receiver tells it.
func (b *butcher) stage(r *process) string {
	switch {
	case strings.Contains(r.stderr(), "after 0 B;"):
		return "before the first byte"
	case strings.Contains(r.stderr(), "after "+formatBytes(killedSize)+";"):
		return "before the goodbye"
	}
	return "mid-transfer"
}

// wantOld checks that nothing has changed, and nothing has been added.
func (b *butcher) wantOld(old []byte) {
	b.t.Helper()
	if old == nil {
		b.wantLeft("big", "small")
		return
	}
	b.wantFile("out", old)
	b.wantLeft("big", "small", "out")
}

// A receiver that is killed leaves a sender that fails, and nothing else but
// a name which the next receiver takes over; unless it had put its file in place.
func TestKillReceiver(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		n := kills(t)
		b := newButcher(t, address)
		for i := range n {
			b.oldOutput(false)
			b.killReceiver()
			if t.Failed() {
				t.Fatalf("at kill %d", i)
			}
		}
		b.report(n)
	})
}

func (b *butcher) killReceiver() {
	b.t.Helper()
	r := b.start([]string{"recv", b.address, "out"})
	s := b.start([]string{"send", r.listening(), "big"})
	b.atRandom(r)
	status := s.status()
	_, err := os.Stat(b.path("out"))
	complete := err == nil
	switch {
	case complete && (status == exitDone || status == exitPeerDied):
		b.count["after the last byte"]++
		b.wantFile("out", b.big)
	case !complete && status == exitPeerDied:
		b.count["mid-transfer"]++
	case !complete && status == exitFailed:
		b.count["before they met"]++
	default:
		b.t.Errorf("sender: exit status %d: %s", status, s.stderr())
	}
	b.takeOver()
}

// takeOver uses the address again, and checks that nothing is left then.
func (b *butcher) takeOver() {
	b.t.Helper()
	b.oldOutput(false)
	if left := list(b.t, b.files); len(left) != 2 {
		b.t.Errorf("files left: %q", left)
	}
	r := b.start([]string{"recv", b.address, "out"})
	b.start([]string{"send", r.listening(), "small"}).expect(exitDone, "")
	r.expect(exitDone, "")
	b.wantFile("out", b.small)
	b.wantLeft("big", "small", "out")
}
