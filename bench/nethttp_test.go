package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith"
	"kith/internal/compare"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"web": web}) }

// BenchmarkHTTPOne asks one request after the other, on one connection: shm/unix, which
// compares the rates, is to be at least 1.3.
func BenchmarkHTTPOne(b *testing.B) { askBoth(b, load{goroutines: 1, connections: 1, requests: 1_500}) }

// BenchmarkHTTPSaturated asks from 64 goroutines over 8 connections: shm/unix is to be at
// least 1.
func BenchmarkHTTPSaturated(b *testing.B) {
	askBoth(b, load{goroutines: 64, connections: 8, requests: 6_000})
}

// BenchmarkHTTPMany has a connection for each of the 64 goroutines.
func BenchmarkHTTPMany(b *testing.B) {
	askBoth(b, load{goroutines: 64, connections: 64, requests: 6_000})
}

// A load is what a client puts on a server.
type load struct{ goroutines, connections, requests int }

// askBoth runs the same server and the same client over either transport.
func askBoth(b *testing.B, work load) {
	folder := b.TempDir()
	unix := newSite(b, "unix", filepath.Join(folder, "unix"), work)
	shm := newSite(b, "shm", filepath.Join(folder, "shm"), work)
	var rates, costs, unixes, shms, unixCPU, shmCPU []float64
	for turn := range turns {
		var u, s took
		inTurn(turn, func() { u = unix.measure(b, work) }, func() { s = shm.measure(b, work) })
		unixes, shms = append(unixes, u.time), append(shms, s.time)
		unixCPU, shmCPU = append(unixCPU, u.cpu), append(shmCPU, s.cpu)
		rates, costs = append(rates, u.time/s.time), append(costs, s.cpu/u.cpu)
	}
	b.ReportMetric(median(unixes), "µs-unix")
	b.ReportMetric(median(shms), "µs-shm")
	b.ReportMetric(median(rates), "shm/unix")
	b.ReportMetric(median(unixCPU), "µs-CPU-unix")
	b.ReportMetric(median(shmCPU), "µs-CPU-shm")
	b.ReportMetric(median(costs), "CPU-shm/unix")
	b.ReportMetric(0, "ns/op")
}

// took is what a request took on average, in µs; the CPU is that of both processes.
type took struct{ time, cpu float64 }

// A site is a server in a process of its own, and a client of it in ours.
type site struct {
	server *kithtest.Child
	client *http.Client
}

func newSite(b *testing.B, network, path string, work load) *site {
	b.Helper()
	s := &site{server: kithtest.Command(b, "web", network, path).Start()}
	heard(b, s.server) // it listens
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return kith.DialNet(ctx, "shm:"+path) }
	if network == "unix" {
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	s.client = &http.Client{Transport: &http.Transport{
		DialContext: dial, MaxConnsPerHost: work.connections, MaxIdleConnsPerHost: work.connections,
	}}
	b.Cleanup(s.client.CloseIdleConnections)
	s.run(b, load{work.goroutines, work.connections, work.requests / 10})
	return s
}

func (s *site) measure(b *testing.B, work load) took {
	b.Helper()
	before, start := s.used(b), time.Now()
	s.run(b, work)
	taken := time.Since(start)
	used := s.used(b) - before
	perRequest := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(work.requests) }
	return took{perRequest(taken), perRequest(used)}
}

func (s *site) run(b *testing.B, work load) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(work.requests))
	var all sync.WaitGroup
	for range work.goroutines {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := s.ask(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func (s *site) ask() error {
	response, err := s.client.Get("http://kith/")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// used is the CPU time that both processes have used up.
func (s *site) used(b *testing.B) time.Duration {
	b.Helper()
	ours, err := compare.Used()
	if err != nil {
		b.Fatal(err)
	}
	if err := s.server.Say("used"); err != nil {
		b.Fatal(err)
	}
	text, err := s.server.Hear()
	theirs, wrong := strconv.ParseInt(text, 10, 64)
	if err != nil || wrong != nil {
		b.Fatal(text, err, wrong)
	}
	return ours.CPU + time.Duration(theirs)
}

// web is the server. It says what CPU time it has used up, whenever it is asked.
func web(args []string) error {
	l, err := listenOn(args[0], args[1])
	if err != nil {
		return err
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello, neighbour") })
	go http.Serve(l, hello)
	kithtest.Say("ready")
	for {
		kithtest.Hear()
		used, err := compare.Used()
		if err != nil {
			return err
		}
		kithtest.Say(strconv.FormatInt(int64(used.CPU), 10))
	}
}

func listenOn(network, path string) (net.Listener, error) {
	if network == "unix" {
		return net.Listen("unix", path)
	}
	return kith.ListenNet(context.Background(), "shm:"+path)
}
