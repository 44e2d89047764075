package bench

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/compare"
	"kith/internal/kithtest"
)

const blockedSize = 64 // bytes

func init() { kithtest.Register(map[string]kithtest.Func{"plainpeer": plainPeer}) }

// BenchmarkBlocked has both sides on one CPU, where spinning never helps: shm/plain is
// to be at most 1.3, better 0.8. plain is a Go program that uses package net alone, a
// Write and a Read each way over a Unix socket; unix is kith's.
func BenchmarkBlocked(b *testing.B) {
	at := place(b)
	at.Follower = at.Leader
	cell := compare.Cell{Kind: compare.RoundTrip, Size: blockedSize, Count: 5_000}
	shm, unix, plain := start(b, "shm", at), start(b, "unix", at), startPlain(b, at.Leader)
	subjects := []func() float64{
		func() float64 { return measure(b, shm, cell).PerOp(cell) },
		func() float64 { return measure(b, unix, cell).PerOp(cell) },
		func() float64 { return plain.measure(b, cell.Count) },
	}
	times, ratios := make([][]float64, len(subjects)), make([][]float64, len(subjects))
	for turn := range turns + 1 {
		now := make([]float64, len(subjects))
		for i := range subjects {
			i = (i + turn) % len(subjects)
			now[i] = subjects[i]()
		}
		if turn == 0 {
			continue // they have warmed up
		}
		for i := range subjects {
			times[i], ratios[i] = append(times[i], now[i]), append(ratios[i], now[0]/now[i])
		}
	}
	for i, name := range []string{"shm", "unix", "plain"} {
		b.ReportMetric(median(times[i]), "ns-"+name)
		if i > 0 {
			b.ReportMetric(median(ratios[i]), "shm/"+name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// A plainPair is two processes that have nothing of kith's between them.
type plainPair struct{ asker *kithtest.Child }

// startPlain starts both on one CPU, with as much parallelism as they would have without that.
func startPlain(b *testing.B, cpu int) plainPair {
	b.Helper()
	b.Setenv("GOMAXPROCS", strconv.Itoa(runtime.GOMAXPROCS(0)))
	path := b.TempDir() + "/plain"
	runtime.LockOSThread() // a process inherits the CPUs of the thread that starts it
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	one.Set(cpu)
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		b.Fatal(err)
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		b.Fatal(err)
	}
	echo := kithtest.Command(b, "plainpeer", "listen", path).Start()
	heard(b, echo)
	asker := kithtest.Command(b, "plainpeer", "dial", path).Start()
	heard(b, asker)
	if err := unix.SchedSetaffinity(0, &all); err != nil {
		b.Fatal(err)
	}
	return plainPair{asker}
}

// measure is the mean time of a round trip, in nanoseconds.
func (p plainPair) measure(b *testing.B, count int) float64 {
	b.Helper()
	if err := p.asker.Say(strconv.Itoa(count)); err != nil {
		b.Fatal(err)
	}
	total, err := strconv.ParseFloat(heard(b, p.asker), 64)
	if err != nil {
		b.Fatal(err)
	}
	return total / float64(count)
}

// plainPeer is either side.
func plainPeer(args []string) error {
	if args[0] == "dial" {
		return plainAsk(args[1])
	}
	listener, err := net.Listen("unix", args[1])
	if err != nil {
		return err
	}
	kithtest.Say("listening")
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	message := make([]byte, blockedSize)
	for {
		if _, err := io.ReadFull(conn, message); err != nil {
			return err
		}
		message[0]++
		if _, err := conn.Write(message); err != nil {
			return err
		}
	}
}

func plainAsk(path string) error {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	kithtest.Say("connected")
	message := make([]byte, blockedSize)
	for {
		count, err := strconv.Atoi(kithtest.Hear())
		if err != nil {
			return err
		}
		began := time.Now()
		for n := range count {
			for i := range message {
				message[i] = byte(n)
			}
			if _, err := conn.Write(message); err != nil {
				return err
			}
			if _, err := io.ReadFull(conn, message); err != nil {
				return err
			}
			if message[0] != byte(n)+1 || message[blockedSize-1] != byte(n) {
				return fmt.Errorf("message %d came back as %d … %d", n, message[0], message[blockedSize-1])
			}
		}
		kithtest.Say(strconv.FormatInt(int64(time.Since(began)), 10))
	}
}
