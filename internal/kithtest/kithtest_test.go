package kithtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	Register(map[string]Func{
		"echo": func(args []string) error {
			for {
				Say(strings.Join(args, " ") + " " + Hear())
			}
		},
		"fail": func([]string) error { return errors.New("on purpose") },
	})
	Main(m)
}

func TestChildTalks(t *testing.T) {
	before := Hold()
	child := Command(t, "echo", "you", "said").Start()
	for _, word := range []string{"one", "two"} {
		if err := child.Say(word); err != nil {
			t.Fatal(err)
		}
		if line, err := child.Hear(); line != "you said "+word {
			t.Fatalf("heard %q, %v", line, err)
		}
	}
	child.Kill()
	if _, err := child.Hear(); err == nil {
		t.Error("a killed child still talks")
	}
	if err := child.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("killed, it ended with %v", err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// Peers that are not ours talk in the same way.
func TestPeersTalk(t *testing.T) {
	before := Hold()
	for _, peer := range []*Child{C(t, "testdata/echo.c"), C(t, "testdata/echo.c"), Python(t, "testdata/echo.py")} {
		peer.Start()
		if err := peer.Say("hello"); err != nil {
			t.Fatal(err)
		}
		if line, err := peer.Hear(); line != "hello" {
			t.Errorf("heard %q, %v", line, err)
		}
		peer.Kill()
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func TestChildFails(t *testing.T) {
	child := Command(t, "fail", "now").Start()
	if err := child.Wait(); err == nil {
		t.Error("a child that failed ended well")
	}
	if got, want := child.log.String(), "fail [\"now\"]: on purpose\n"; got != want {
		t.Errorf("its log is %q, want %q", got, want)
	}
}

// A child whose parent is gone, here one who only closes the pipe, ends.
func TestChildEndsWithItsParent(t *testing.T) {
	child := Command(t, "echo").Start()
	if err := child.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("without a parent, it ended with %v", err)
	}
}

func TestChildStops(t *testing.T) {
	child := Command(t, "echo").Start()
	if err := child.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := child.Say("later"); err != nil {
		t.Fatal(err)
	}
	if err := child.Continue(); err != nil {
		t.Fatal(err)
	}
	if line, err := child.Hear(); line != " later" {
		t.Fatalf("heard %q, %v", line, err)
	}
}

func TestCallParks(t *testing.T) {
	gate := make(chan struct{})
	call := Go(func() error { <-gate; return nil })
	if err := call.Parked(); err != nil {
		t.Error(err)
	}
	close(gate)
	if err := call.Wait(); err != nil {
		t.Error(err)
	}
	if err := call.Parked(); err == nil {
		t.Error("a call that returned was seen to wait")
	}
}

func TestCallHoldsAThread(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	call := Go(func() error { _, err := unix.Read(pipe[0], make([]byte, 1)); return err })
	held := make(chan error)
	go func() { held <- call.Parked() }()
	for !strings.Contains(Goroutines()[call.goroutine], "[syscall") {
		time.Sleep(time.Millisecond)
	}
	_ = unix.Close(pipe[1])
	if err := <-held; err == nil {
		t.Error("a call that held a thread was seen to park")
	}
	_ = unix.Close(pipe[0])
}

func TestHoldingsSee(t *testing.T) {
	directory := t.TempDir()
	gate := make(chan struct{})
	memfd, err := unix.MemfdCreate("kithtest", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(memfd, 4096); err != nil {
		t.Fatal(err)
	}
	before := Hold(directory)
	path := filepath.Join(directory, "stays")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := unix.Mmap(memfd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-gate }()

	left := strings.Join(before.more(), "\n")
	for _, want := range []string{"descriptor of " + path, "file " + path, "/memfd:kithtest", "TestHoldingsSee.func"} {
		if !strings.Contains(left, want) {
			t.Errorf("%q was not seen in:\n%s", want, left)
		}
	}
	close(gate)
	_ = unix.Munmap(mapping)
	_ = unix.Close(memfd)
	_ = file.Close()
	_ = os.Remove(path)
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// A verdict is a testing.TB that notes how a test ended.
type verdict struct {
	testing.TB
	how string
}

func (v *verdict) Helper()                   {}
func (v *verdict) Skip(args ...any)          { v.end("skip: ", fmt.Sprint(args...)) }
func (v *verdict) Fatal(args ...any)         { v.end("fatal: ", fmt.Sprint(args...)) }
func (v *verdict) Fatalf(f string, a ...any) { v.end("fatal: ", fmt.Sprintf(f, a...)) }
func (v *verdict) Skipf(f string, a ...any)  { v.end("skip: ", fmt.Sprintf(f, a...)) }

// end notes the first call alone: a real one does not return.
func (v *verdict) end(how, why string) {
	if v.how == "" {
		v.how = how + why
	}
}

func TestNeed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for ci, want := range map[string]string{
		"":     "skip: this test needs lslocks: apt-get install util-linux",
		"true": "fatal: this test needs lslocks: apt-get install util-linux",
	} {
		t.Setenv("CI", ci)
		v := &verdict{TB: t}
		if Need(v, "lslocks"); v.how != want {
			t.Errorf("CI=%s: %q, want %q", ci, v.how, want)
		}
	}
}

// What a machine lacks is printed; under CI too it is no failure.
func TestNeedKernel(t *testing.T) {
	t.Setenv("CI", "true")
	for _, f := range Features {
		v := &verdict{TB: t}
		NeedKernel(v, f.Name)
		if lacks := strings.HasPrefix(v.how, "skip: this machine lacks "+f.Name+": "); lacks == f.Have() {
			t.Errorf("%s: have is %v, but the test ended with %q", f.Name, f.Have(), v.how)
		}
		fmt.Printf("kernel feature %s: %v\n", f.Name, f.Have())
	}
}
