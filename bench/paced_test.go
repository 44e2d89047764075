package bench

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"kith/internal/kithtest"
)

const (
	pacedTurns = 5
	pacedCount = 1000 // messages a turn
)

// BenchmarkPaced sends 1,000 messages of 64 bytes a second to a peer that answers each,
// while a goroutine is busy in both processes, or in the peer alone, or in none: over
// shm: and over unix: in turn. shm/unix is to be at most 1, better 0.5, for p99.9 and CPU.
//
// there is how old a message is when it is received, back how old its answer: the median
// of the turns. cpu is what a message costs both processes together, without what pacing
// costs when nothing is sent, and without the work of the busy goroutines, which have a
// thread of their own when that is measured.
func BenchmarkPaced(b *testing.B) {
	for _, busy := range []struct {
		name         string
		sender, peer bool
	}{{"both-busy", true, true}, {"peer-busy", false, true}, {"idle", false, false}} {
		b.Run(busy.name, func(b *testing.B) {
			b.Setenv("KITH_DIR", b.TempDir())
			shm, unix, silent := newPacedPair(b, "shm"), newPacedPair(b, "unix"), newPacedPair(b, "unixpacket")
			silent.silent = true
			for turn := range pacedTurns {
				age := func(p *pacedPair) func() { return func() { p.age(b, busy.sender, busy.peer) } }
				cost := func(p *pacedPair) func() { return func() { p.cost(b, busy.sender, busy.peer) } }
				inTurn(turn, age(shm), age(unix))
				cost(silent)()
				inTurn(turn, cost(shm), cost(unix))
			}
			reportPaced(b, shm, unix, median(silent.cpu))
		})
	}
}

func reportPaced(b *testing.B, shm, unix *pacedPair, pacing float64) {
	for _, p := range []*pacedPair{shm, unix} {
		for i, q := range quantiles {
			b.ReportMetric(median(p.there[i]), "µs-there-"+q.name+"-"+p.name)
			b.ReportMetric(median(p.back[i]), "µs-back-"+q.name+"-"+p.name)
		}
		b.ReportMetric(median(p.cpu)-pacing, "µs-cpu-"+p.name)
	}
	last := len(quantiles) - 1
	b.ReportMetric(median(shm.there[last])/median(unix.there[last]), "there-p99.9-shm/unix")
	b.ReportMetric(median(shm.back[last])/median(unix.back[last]), "back-p99.9-shm/unix")
	b.ReportMetric((median(shm.cpu)-pacing)/(median(unix.cpu)-pacing), "cpu-shm/unix")
	b.ReportMetric(pacing, "µs-cpu-pacing")
	b.ReportMetric(0, "ns/op")
}

var quantiles = [...]struct {
	name string
	of   float64
}{{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}}

// A pacedPair is two processes, connected, and what they have measured.
type pacedPair struct {
	name         string
	silent       bool // nothing is sent, but a last message
	sender, peer *kithtest.Child
	there, back  [len(quantiles)][]float64 // µs, each turn's
	cpu          []float64                 // µs a message, each turn's
}

func newPacedPair(b *testing.B, scheme string) *pacedPair {
	b.Helper()
	p := &pacedPair{name: scheme}
	address := scheme + ":paced-" + scheme
	p.peer = kithtest.Command(b, "pacedpeer", address).Start()
	heard(b, p.peer) // it listens
	p.sender = kithtest.Command(b, "pacedsender", address).Start()
	return p
}

// A pacedOrder is a side's part in a turn.
type pacedOrder struct {
	Count        int
	Silent, Busy bool
	Alone        bool // the busy goroutine has its thread for itself
}

// A pacedResult is what a side has measured.
type pacedResult struct {
	CPU  time.Duration   // without the busy goroutine's, if that was alone
	Ages []time.Duration // of the messages, or of the answers
}

func (p *pacedPair) age(b *testing.B, senderBusy, peerBusy bool) {
	b.Helper()
	there, back := p.measure(b, pacedOrder{Busy: peerBusy}, pacedOrder{Busy: senderBusy})
	slices.Sort(there.Ages)
	slices.Sort(back.Ages)
	for i, q := range quantiles {
		at := int(q.of * pacedCount)
		p.there[i] = append(p.there[i], microseconds(there.Ages[at]))
		p.back[i] = append(p.back[i], microseconds(back.Ages[at]))
	}
}

func (p *pacedPair) cost(b *testing.B, senderBusy, peerBusy bool) {
	b.Helper()
	there, back := p.measure(b, pacedOrder{Busy: peerBusy, Alone: true}, pacedOrder{Busy: senderBusy, Alone: true})
	p.cpu = append(p.cpu, microseconds(there.CPU+back.CPU)/pacedCount)
}

func (p *pacedPair) measure(b *testing.B, theirs, ours pacedOrder) (there, back pacedResult) {
	b.Helper()
	theirs.Count, theirs.Silent = pacedCount, p.silent
	ours.Count, ours.Silent = pacedCount, p.silent
	give(b, p.peer, theirs)
	give(b, p.sender, ours)
	return take(b, p.peer), take(b, p.sender)
}

// give returns when the child has begun.
func give(b *testing.B, child *kithtest.Child, order pacedOrder) {
	b.Helper()
	text, err := json.Marshal(order)
	if err == nil {
		err = child.Say(string(text))
	}
	if err != nil {
		b.Fatal(err)
	}
	heard(b, child)
}

func take(b *testing.B, child *kithtest.Child) (r pacedResult) {
	b.Helper()
	if err := json.Unmarshal([]byte(heard(b, child)), &r); err != nil {
		b.Fatal(err)
	}
	return r
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
