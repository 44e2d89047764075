package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"kith"
	"kith/internal/kithtest"
)

// The benchmarks hold a client and a server, in two processes, over shm: against the same two
// over a plain Unix socket.
//
//	go test -run '^$' -bench .
//
// Both are measured in turn, A B B A …, and the ratio printed is the median of the pairs' ratios.
// shm/unix compares the rates; CPU is that of both processes.

func init() { kithtest.Register(map[string]kithtest.Func{"bench server": serveBench}) }

// BenchmarkOne calls again when it has its answer: shm/unix is to be at least 1.3.
func BenchmarkOne(b *testing.B) {
	compare(b, load{goroutines: 1, connections: 1, calls: 1_000, size: 64})
}

// BenchmarkSaturated calls from 64 goroutines, over 4 connections: shm/unix is to be at least 1.
func BenchmarkSaturated(b *testing.B) {
	compare(b, load{goroutines: 64, connections: 4, calls: 6_000, size: 64})
}

// BenchmarkShared has one connection for all of them.
func BenchmarkShared(b *testing.B) {
	compare(b, load{goroutines: 64, connections: 1, calls: 6_000, size: 64})
}

// BenchmarkLarge has 16 goroutines that send 64 KiB each time, and receive them.
func BenchmarkLarge(b *testing.B) {
	compare(b, load{goroutines: 16, connections: 2, calls: 800, size: 64 << 10})
}

// A load is what clients put on a server; size is that of a message in bytes.
type load struct{ goroutines, connections, calls, size int }

const turns = 9

func compare(b *testing.B, work load) {
	plain, shm := newSite(b, "unix", work), newSite(b, "shm", work)
	var rates, costs, plains, shms, plainCPU, shmCPU []float64
	for turn := range turns {
		var p, s took
		measures := []func(){func() { p = plain.measure(b, work) }, func() { s = shm.measure(b, work) }}
		if turn%2 == 1 {
			slices.Reverse(measures)
		}
		measures[0]()
		measures[1]()
		plains, shms = append(plains, p.time), append(shms, s.time)
		plainCPU, shmCPU = append(plainCPU, p.cpu), append(shmCPU, s.cpu)
		rates, costs = append(rates, p.time/s.time), append(costs, s.cpu/p.cpu)
	}
	b.ReportMetric(median(plains), "µs-unix")
	b.ReportMetric(median(shms), "µs-shm")
	b.ReportMetric(median(rates), "shm/unix")
	b.ReportMetric(median(plainCPU), "µs-CPU-unix")
	b.ReportMetric(median(shmCPU), "µs-CPU-shm")
	b.ReportMetric(median(costs), "CPU-shm/unix")
	b.ReportMetric(0, "ns/op")
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

// took is what a call took on average, in µs.
type took struct{ time, cpu float64 }

// A site is a server in a process of its own, and clients of it in ours, one for each connection.
type site struct {
	server  *kithtest.Child
	clients []stub
	said    []byte
}

func newSite(b *testing.B, network string, work load) *site {
	b.Helper()
	_, path, _ := strings.Cut(named(b, network), ":")
	s := &site{server: kithtest.Command(b, "bench server", network, path).Start(), said: make([]byte, work.size)}
	hear(b, s.server, "ready")
	for range work.connections {
		conn, err := grpc.NewClient("passthrough:///"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, path string) (net.Conn, error) {
				if network == "unix" {
					return new(net.Dialer).DialContext(ctx, "unix", path)
				}
				return kith.DialNet(ctx, "shm:"+path)
			}))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		s.clients = append(s.clients, stub{conn})
	}
	work.calls /= 5
	s.run(b, work) // warms up
	return s
}

func (s *site) measure(b *testing.B, work load) took {
	b.Helper()
	before, start := s.used(b), time.Now()
	s.run(b, work)
	taken := time.Since(start)
	used := s.used(b) - before
	perCall := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(work.calls) }
	return took{perCall(taken), perCall(used)}
}

func (s *site) run(b *testing.B, work load) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(work.calls))
	var all sync.WaitGroup
	for i := range work.goroutines {
		client := s.clients[i%len(s.clients)]
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := client.Say(b.Context(), s.said); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// used is the CPU time that both processes have used up.
func (s *site) used(b *testing.B) time.Duration {
	b.Helper()
	ours, err := usedHere()
	if err != nil {
		b.Fatal(err)
	}
	if err := s.server.Say("used"); err != nil {
		b.Fatal(err)
	}
	line, err := s.server.Hear()
	theirs, wrong := strconv.ParseInt(line, 10, 64)
	if err != nil || wrong != nil {
		b.Fatal(line, err, wrong)
	}
	return ours + time.Duration(theirs)
}

func usedHere() (time.Duration, error) {
	var used unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), err
}

// serveBench says what CPU time it has used up, whenever it is asked.
func serveBench(args []string) error {
	listen := func() (net.Listener, error) { return kith.ListenNet(context.Background(), "shm:"+args[1]) }
	if args[0] == "unix" {
		listen = func() (net.Listener, error) { return net.Listen("unix", args[1]) }
	}
	l, err := listen()
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	server.RegisterService(&neighbour, host{})
	go func() {
		err := server.Serve(l)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}()
	kithtest.Say("ready")
	for {
		kithtest.Hear()
		used, err := usedHere()
		if err != nil {
			return err
		}
		kithtest.Say(strconv.FormatInt(int64(used), 10))
	}
}
