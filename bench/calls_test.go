package bench

import (
	"context"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/lock"
)

// callTurns is how often each call's three are measured.
const callTurns = 401

// A kernelCall is one that both make, with nobody in the way: a lock taken and
// given up, a semaphore's value taken and given back.
type kernelCall struct {
	name  string // the twin's, too
	count int    // for about 2 ms
	bar   float64
	on    func(b *testing.B, at *grounds) repeated
}

// A repeated call is made so often.
type repeated func(ctx context.Context, count int) error

var kernelCalls = []kernelCall{
	{"flock", 4_000, 1.25, lockOpenFile(lock.Flock)},
	{"ofd", 4_000, 1.25, lockOpenFile(lock.OFD)},
	{"lockfile", 800, 1.5, lockFile},
	{"semop", 4_000, 1.25, operate},
	{"semaphore", 50_000, 2, waitAndPost},
}

// BenchmarkCalls holds each call of kith against the same of C (clients/c/calls.c),
// all on one CPU: ours/twin is to be at most the bar.
//
// The twin has a second thread, which is idle: a process with several, as any of
// Go's, pays for references to descriptors. ours/alone is against a process of C
// that has but one. syscalls/call is counted where perf's tracepoints can be had
// (mount -t tracefs none /sys/kernel/tracing, as root).
func BenchmarkCalls(b *testing.B) {
	at := newGrounds(b)
	for _, call := range kernelCalls {
		b.Run(call.name, func(b *testing.B) { call.measure(b, at) })
	}
}

func (k *kernelCall) measure(b *testing.B, at *grounds) {
	defer stay(b, at.cpu)()
	call := k.on(b, at)
	var ours, twins, alone, ratios, above []float64
	three := []func(){
		func() { ours = append(ours, k.ours(b, call)) },
		func() { twins = append(twins, at.twin.measure(b, k.name, k.count)) },
		func() { alone = append(alone, at.alone.measure(b, k.name, k.count)) },
	}
	for turn := range callTurns {
		for i := range three {
			three[(turn+i)%3]()
		}
		ratios, above = append(ratios, ours[turn]/twins[turn]), append(above, ours[turn]/alone[turn])
	}
	b.ReportMetric(median(ours), "ns-ours")
	b.ReportMetric(median(twins), "ns-twin")
	b.ReportMetric(median(alone), "ns-alone")
	b.ReportMetric(median(ratios), "ours/twin")
	b.ReportMetric(k.bar, "bar")
	b.ReportMetric(median(above), "ours/alone")
	b.ReportMetric(allocs(b, call), "allocs/call")
	if calls, counted := k.syscalls(b, call); counted {
		b.ReportMetric(calls, "syscalls/call")
	}
	b.ReportMetric(0, "ns/op")
}

// ours is the time of one call in nanoseconds.
func (k *kernelCall) ours(b *testing.B, call repeated) float64 {
	began := threadTime(b)
	if err := call(b.Context(), k.count); err != nil {
		b.Fatal(err)
	}
	return float64(threadTime(b)-began) / float64(k.count)
}

// threadTime is the CPU time of this thread, which others on its CPU do not add to.
func threadTime(b *testing.B) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		b.Fatal(err)
	}
	return time.Duration(now.Nano())
}

func allocs(b *testing.B, call repeated) float64 {
	return testing.AllocsPerRun(100, func() {
		if err := call(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	})
}

// syscalls counts those of this thread, the runtime's among them. One more is to
// read the counter.
func (k *kernelCall) syscalls(b *testing.B, call repeated) (each float64, counted bool) {
	counter, err := countSyscalls()
	if err != nil {
		b.Logf("no syscalls/call: %v", err)
		return 0, false
	}
	defer counter.close()
	before := counter.read(b)
	if err := call(b.Context(), k.count); err != nil {
		b.Fatal(err)
	}
	return float64(counter.read(b)-before-1) / float64(k.count), true
}

// stay keeps this goroutine on one CPU until what it returns is called.
func stay(b *testing.B, cpu int) (leave func()) {
	runtime.LockOSThread()
	var before, one unix.CPUSet
	one.Set(cpu)
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		b.Fatal(err)
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		b.Fatal(err)
	}
	return func() {
		_ = unix.SchedSetaffinity(0, &before)
		runtime.UnlockOSThread()
	}
}
