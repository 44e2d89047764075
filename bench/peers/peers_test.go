package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/compare"
	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	workIfWorker()
	kithtest.Register(map[string]kithtest.Func{"measure until killed": measureUntilKilled})
	kithtest.Main(m)
}

// quick has few messages in each cell.
var quick = plan{rounds: 2, turn: time.Millisecond}

// here are the subjects that this machine has. Under CI that is all of them.
func here(t *testing.T) []subject {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(subjects), func(s subject) bool {
		if s.program == nil {
			return false
		}
		err := s.program.absent(t.Context())
		if err != nil && os.Getenv("CI") == "true" {
			t.Errorf("%s: %v", s.name, err)
		} else if err != nil {
			t.Logf("%s: %v", s.name, err)
		}
		return err != nil
	})
}

// A watch is on what runs leave: in a directory for temporary files of its own, among this
// process's children, and under the names that workers and the daemon use elsewhere.
type watch struct{ holds *kithtest.Holdings }

func newWatch(t *testing.T) watch {
	t.Setenv("TMPDIR", t.TempDir())
	return watch{kithtest.Hold(os.TempDir())}
}

func (w watch) nothingIsLeft(t *testing.T) {
	t.Helper()
	if err := w.holds.Left(); err != nil {
		t.Error(err)
	}
	if tasks, err := filepath.Glob("/proc/self/task/*/children"); err != nil || len(tasks) == 0 {
		t.Fatalf("who the children are, nothing tells: %v", err)
	} else {
		for _, path := range tasks {
			if children, err := os.ReadFile(path); err == nil && len(children) > 0 {
				t.Errorf("children are left: %s", children)
			}
		}
	}
	for _, pattern := range []string{"/dev/shm/kith-peers-*", "/tmp/kith-peers-*-*", "/dev/shm/iceoryx_mgmt", "/tmp/roudi*"} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
			t.Errorf("%s is left, %v", left, err)
		}
	}
}

// Every subject carries messages of every size, which are checked by who takes them.
func TestSubjects(t *testing.T) {
	watch := newWatch(t)
	all := here(t)
	report, err := measure(t.Context(), quick, all, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	report.finish()
	for i, s := range report.Subjects {
		if s.Error != "" {
			t.Errorf("%s: %s", s.Name, s.Error)
		}
		if (s.Version == "") != (all[i].module == "" && all[i].program == nil) {
			t.Errorf("%s: the version is %q", s.Name, s.Version)
		}
		for _, f := range s.Figures {
			if len(f.Rounds) != quick.rounds || f.Median <= 0 || f.Ratio <= 0 {
				t.Errorf("%s: %+v", s.Name, f)
			}
		}
	}
	watch.nothingIsLeft(t)
}

// A run that is ended in the middle of a measurement leaves nothing, either.
func TestInterrupted(t *testing.T) {
	watch := newWatch(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	_, err := measure(ctx, plan{rounds: 2, turn: time.Minute}, here(t), func(text string) {
		if strings.HasPrefix(text, "round") {
			time.AfterFunc(50*time.Millisecond, func() { cancel(reason) })
		}
	})
	if !errors.Is(err, reason) {
		t.Errorf("the run ended with %v", err)
	}
	watch.nothingIsLeft(t)
}

// A worker that dies fails its subject, and no other.
func TestWorkerDies(t *testing.T) {
	watch := newWatch(t)
	some, err := chosen("shm,net")
	if err != nil {
		t.Fatal(err)
	}
	killed := false
	report, err := measure(t.Context(), quick, some, func(text string) {
		if strings.HasSuffix(text, "net") && strings.HasPrefix(text, "round") && !killed {
			killed = true
			killOne(t, "net")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Subjects[0].Error != "" || report.Subjects[1].Error == "" {
		t.Errorf("shm: %q, net: %q", report.Subjects[0].Error, report.Subjects[1].Error)
	}
	watch.nothingIsLeft(t)
}

func killOne(t *testing.T, name string) {
	t.Helper()
	for _, pid := range workers(t, os.Getpid()) {
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(environment, []byte("\x00"+workerEnv+"="+name+"\x00")) {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Errorf("no worker of %s runs", name)
}

// workers are the children of a process.
func workers(t *testing.T, parent int) (pids []int) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range tasks {
		text, _ := os.ReadFile(path) // a thread may be gone
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// measureUntilKilled, in a child, has all but iceoryx under way for hours, whose own daemon
// does not always survive the death of its clients in order.
func measureUntilKilled([]string) error {
	all := slices.DeleteFunc(slices.Clone(subjects), func(s subject) bool { return s.daemon != nil })
	r := &run{plan: quick, subjects: all, progress: func(string) {}, report: newReport(all)}
	var err error
	if r.report.Placement, err = compare.Place(); err != nil {
		return err
	}
	if err := r.start(context.Background()); err != nil {
		return err
	}
	for _, p := range r.pairs {
		if p != nil {
			go p.do(context.Background(), order{oneWay, smallest, math.MaxInt64})
		}
	}
	kithtest.Say("under way")
	kithtest.Hear()
	return nil
}

// Workers end with the process that started them, and what has met has no names.
func TestKilled(t *testing.T) {
	watch := newWatch(t)
	child := kithtest.Command(t, "measure until killed").Start()
	if _, err := child.Hear(); err != nil {
		t.Fatal(err)
	}
	var ends []unix.PollFd
	for _, pid := range workers(t, child.Cmd.Process.Pid) {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if len(ends) < 2 {
		t.Fatalf("%d workers run", len(ends))
	}
	child.Kill()
	for i := range ends {
		if n, err := unix.Poll(ends[i:i+1], int(farewell/time.Millisecond)); n != 1 && !t.Failed() {
			t.Errorf("worker %d of %d runs on: %v", i, len(ends), err)
		}
		if t.Failed() {
			_ = unix.PidfdSendSignal(int(ends[i].Fd), unix.SIGKILL, nil, 0)
		}
		_ = unix.Close(int(ends[i].Fd))
	}
	watch.nothingIsLeft(t)
}

// What is not installed is said, with the package that brings it.
func TestAbsent(t *testing.T) {
	lacking := subject{name: "lacking", program: &program{source: "zmq.c", header: "no/such.h", packages: "libno-such-dev"}}
	report, err := measure(t.Context(), quick, []subject{subjects[0], lacking}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	report.finish()
	if report.Subjects[0].Error != "" || report.Subjects[1].Error != "not here: apt-get install libno-such-dev" {
		t.Errorf("%+v", report.Subjects)
	}
	if text := report.String(); !strings.Contains(text, "not here: apt-get install libno-such-dev") {
		t.Errorf("the report does not say so:\n%s", text)
	}
}

// Both languages write and check the same payload.
func TestPayload(t *testing.T) {
	program := kithtest.Compile(t, "testdata/payload.c")
	ours, theirs := make([]byte, 128), make([]byte, 128)
	fill(ours, 4)
	if err := check(ours, len(ours), 4); err != nil {
		t.Error(err)
	}
	run := exec.Command(program)
	run.Stdin = bytes.NewReader(ours)
	said, err := run.Output()
	if err != nil {
		t.Errorf("C does not take Go's: %v", err)
	}
	fill(theirs, 3)
	if !bytes.Equal(said, theirs) {
		t.Errorf("C writes %x, Go %x", said, theirs)
	}
	for i := range ours {
		ours[i] ^= 1
		run := exec.Command(program)
		run.Stdin = bytes.NewReader(ours)
		if check(ours, len(ours), 4) == nil || run.Run() == nil {
			t.Errorf("byte %d changed, and nobody saw it", i)
		}
		ours[i] ^= 1
	}
	if check(ours, len(ours), 5) == nil || check(ours[:96], len(ours), 4) == nil {
		t.Error("another message, or a shorter one, is taken for the right one")
	}
}

// What --json prints has every round; what it prints without is a table.
func TestPrinted(t *testing.T) {
	var text, object bytes.Buffer
	some, err := chosen("bufio,shm")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(peers(t.Context(), &text, quick, some, false), peers(t.Context(), &object, quick, some, true)); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(object.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Subjects) != 2 || r.Subjects[0].Name != first || len(r.Subjects[1].Figures[3].Rounds) != quick.rounds || r.Subjects[0].Figures[0].Ratio != 1 {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{r.CPU, r.Kernel, r.Go, "64 KiB one way", "GB/s", "bufio: package net"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
}

// A ratio is to shm: in the same round.
func TestRatios(t *testing.T) {
	r := report{CacheLine: []float64{1, 1, 1}, Subjects: []subjectReport{
		{Name: first, Figures: []figure{{Kind: roundTrip, Size: 64, Rounds: []float64{100, 1000, 200}}}},
		{Name: "other", Figures: []figure{{Kind: roundTrip, Size: 64, Rounds: []float64{300, 2000, 1000}}}},
	}}
	r.finish()
	if f := r.Subjects[1].Figures[0]; f.Median != 1000 || f.Ratio != 3 {
		t.Errorf("median %v, ratio %v", f.Median, f.Ratio)
	}
}

func TestUnknownSubject(t *testing.T) {
	if _, err := chosen("shm,carrier-pigeon"); err == nil || !strings.Contains(err.Error(), "carrier-pigeon") {
		t.Errorf("the error is %v", err)
	}
}
