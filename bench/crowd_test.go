package bench

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"

	"kith"
	"kith/internal/compare"
	"kith/internal/kithtest"
)

const (
	gatherings = 3
	many       = 5_000
	few        = 100
	idleTime   = time.Second
	wakes      = 300
	wakePause  = time.Millisecond // long enough for every wait to have parked
)

// BenchmarkCrowd joins two processes by 5,000 connections, each with a
// goroutine that waits to receive on either side.
//
// idle-CPU-% and threads are those of the busier side; among/alone is the round
// trip that wakes a parked connection among them, over the same alone; ms-each
// is to dial and close one more, while there are none and while there are 5,000.
func BenchmarkCrowd(b *testing.B) {
	b.Setenv("KITH_DIR", b.TempDir())
	party := &party{b: b, address: "shm:crowd?ring=4k", figures: map[string][]float64{}}
	party.child = kithtest.Command(b, "crowd", party.address).Start()
	heard(b, party.child) // it listens
	defer party.leave()
	for range gatherings {
		party.gather()
	}
	for unit, values := range party.figures {
		b.ReportMetric(median(values), unit)
	}
	b.ReportMetric(0, "ns/op")
}

// gather measures one, then joins the others and measures the same again.
func (p *party) gather() {
	p.note("ms-each-first", milliseconds(p.churn()))
	p.join(1)
	alone := p.wake()
	began := time.Now()
	p.join(many)
	p.note("ms-to-open-each", milliseconds(time.Since(began))/many)
	among := p.wake()
	p.note("µs-alone", alone)
	p.note("µs-among", among)
	p.note("among/alone", among/alone)
	idle := p.idle()
	p.note("idle-CPU-%", 100*float64(idle.CPU)/float64(idleTime))
	p.note("threads", float64(idle.Threads))
	p.note("ms-each-at-5000", milliseconds(p.churn()))
	p.leave()
}

func (p *party) note(unit string, value float64) {
	p.figures[unit] = append(p.figures[unit], value)
}

// crowd is the child: it echoes on every connection, and says what it uses
// when it is asked.
func crowd(args []string) error {
	ctx := context.Background()
	listener, err := kith.Listen(ctx, args[0])
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := listener.Accept(ctx)
			if err != nil {
				return
			}
			go echo(ctx, conn)
		}
	}()
	kithtest.Say("listening")
	for {
		kithtest.Hear()
		now, err := costNow()
		if err != nil {
			return err
		}
		text, err := json.Marshal(now)
		if err != nil {
			return err
		}
		kithtest.Say(string(text))
	}
}

func echo(ctx context.Context, conn *kith.Conn) {
	defer conn.Close()
	for message, err := range conn.Messages(ctx) {
		if err != nil || conn.Send(ctx, message) != nil {
			return
		}
	}
}

// A cost is what a process has used up, and the threads that it has.
type cost struct {
	CPU     time.Duration
	Threads int
}

func costNow() (cost, error) {
	used, err := compare.Used()
	if err != nil {
		return cost{}, err
	}
	tasks, err := os.ReadDir("/proc/self/task")
	return cost{used.CPU, len(tasks)}, err
}

// A party is the connections on our side.
type party struct {
	b       *testing.B
	address string
	child   *kithtest.Child
	conns   []*kith.Conn
	waiting sync.WaitGroup
	figures map[string][]float64
}

func (p *party) dial() *kith.Conn {
	conn, err := kith.Dial(p.b.Context(), p.address)
	if err != nil {
		p.b.Fatalf("connection %d: %v", len(p.conns), err)
	}
	return conn
}

// join dials until there are n, and waits on each but the first.
func (p *party) join(n int) {
	for len(p.conns) < n {
		conn := p.dial()
		if len(p.conns) > 0 {
			p.waiting.Go(func() { _, _ = conn.Receive(context.Background()) }) // until Close
		}
		p.conns = append(p.conns, conn)
	}
}

// leave closes all.
func (p *party) leave() {
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
	p.waiting.Wait()
}

// churn is the mean time to dial and close one more.
func (p *party) churn() time.Duration {
	began := time.Now()
	for range few {
		if err := p.dial().Close(); err != nil {
			p.b.Fatal(err)
		}
	}
	return time.Since(began) / few
}

// wake is the median round trip, in microseconds, to a peer that has parked.
func (p *party) wake() float64 {
	var times []float64
	for range wakes {
		time.Sleep(wakePause)
		began := time.Now()
		if err := p.conns[0].Send(p.b.Context(), []byte("wake")); err != nil {
			p.b.Fatal(err)
		}
		if _, err := p.conns[0].Receive(p.b.Context()); err != nil {
			p.b.Fatal(err)
		}
		times = append(times, float64(time.Since(began))/float64(time.Microsecond))
	}
	return median(times)
}

// idle is what the busier side uses while nothing is said.
func (p *party) idle() cost {
	before, theirsBefore := p.costs()
	time.Sleep(idleTime) // what is measured, not a wait for an event
	after, theirs := p.costs()
	return cost{
		max(after.CPU-before.CPU, theirs.CPU-theirsBefore.CPU),
		max(after.Threads, theirs.Threads),
	}
}

func (p *party) costs() (ours, theirs cost) {
	if err := p.child.Say("usage"); err != nil {
		p.b.Fatal(err)
	}
	if err := json.Unmarshal([]byte(heard(p.b, p.child)), &theirs); err != nil {
		p.b.Fatal(err)
	}
	ours, err := costNow()
	if err != nil {
		p.b.Fatal(err)
	}
	return ours, theirs
}

func heard(b testing.TB, child *kithtest.Child) string {
	b.Helper()
	line, err := child.Hear()
	if err != nil {
		b.Fatal(err)
	}
	return line
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
