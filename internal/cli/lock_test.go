package cli

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

// Where the lock is flock's, and where it is a record lock.
var lockKinds = map[string][]string{"flock": nil, "range": {"--range", "10:20"}}

func everyLock(t *testing.T, test func(t *testing.T, flags []string)) {
	for name, flags := range lockKinds {
		t.Run(name, func(t *testing.T) { test(t, flags) })
	}
}

// A holder is a `kith lock` that runs a command which talks by lines.
type holder struct {
	*process
	in  io.WriteCloser
	out *bufio.Reader
}

// talk starts `kith lock file flags -- command`.
func (p *place) talk(flags, command []string) *holder {
	p.t.Helper()
	stdinR, stdinW := pipe(p.t)
	stdoutR, stdoutW := pipe(p.t)
	k := p.start(lockArgs(flags, command), stdin(stdinR), stdout(stdoutW))
	_, _ = stdinR.Close(), stdoutW.Close()
	return &holder{process: k, in: stdinW, out: bufio.NewReader(stdoutR)}
}

func lockArgs(flags, command []string) []string {
	args := append([]string{"lock", "file"}, flags...)
	return append(append(args, "--"), command...)
}

// untilTold says that it runs, and ends with status 7 when it is told so.
var untilTold = []string{"sh", "-c", "echo held; read line; exit 7"}

func (h *holder) hear(want string) {
	h.t.Helper()
	if line, err := h.out.ReadString('\n'); strings.TrimSpace(line) != want {
		h.t.Fatalf("%v said %q, %v, want %q", h.Args, line, err, want)
	}
}

func (h *holder) tell() {
	h.t.Helper()
	if _, err := io.WriteString(h.in, "end\n"); err != nil {
		h.t.Fatal(err)
	}
}

// hold starts a holder that has the lock.
func (p *place) hold(flags ...string) *holder {
	p.t.Helper()
	h := p.talk(flags, untilTold)
	h.hear("held")
	return h
}

// wantLock checks that the lock is free, or that it is not.
func (p *place) wantLock(status int, message string, flags ...string) {
	p.t.Helper()
	p.start(lockArgs(append(flags, "--timeout", "0"), []string{"true"})).expect(status, message)
}

func (p *place) awaitWaiter() { p.t.Helper(); p.awaitWaiters(1) }

// awaitWaiters waits until so many processes wait for the lock, whom the kernel
// lists with an arrow: "1: -> FLOCK ADVISORY WRITE 1234 fe:00:5678 0 EOF".
func (p *place) awaitWaiters(n int) {
	p.t.Helper()
	info, err := os.Stat(p.path("file"))
	if err != nil {
		p.t.Fatal(err)
	}
	inode := ":" + strconv.FormatUint(info.Sys().(*syscall.Stat_t).Ino, 10) + " "
	for range time.Tick(time.Millisecond) {
		list, err := os.ReadFile("/proc/locks")
		if err != nil {
			p.t.Fatal(err)
		}
		waiting := 0
		for line := range strings.Lines(string(list)) {
			if strings.Contains(line, "->") && strings.Contains(line, inode) {
				waiting++
			}
		}
		if waiting >= n {
			return
		}
	}
}

func TestLockExcludes(t *testing.T) {
	everyLock(t, func(t *testing.T, flags []string) {
		p := newPlace(t)
		first := p.hold(flags...)
		second := p.talk(flags, untilTold)
		p.awaitWaiter()
		p.wantLock(exitBusy, "holds it", flags...)
		p.wantLock(exitBusy, "holds it", append(flags, "--shared")...)
		first.tell()
		first.expect(7, "")
		second.hear("held")
		second.tell()
		second.expect(7, "")
		p.wantLock(exitDone, "", flags...)
		p.wantLeft("file")
	})
}

func TestLockShared(t *testing.T) {
	everyLock(t, func(t *testing.T, flags []string) {
		p := newPlace(t)
		shared := slices.Concat(flags, []string{"--shared"})
		first, second := p.hold(shared...), p.hold(shared...)
		p.wantLock(exitBusy, "", flags...)
		first.tell()
		first.expect(7, "")
		p.wantLock(exitBusy, "", flags...)
		second.tell()
		second.expect(7, "")
		p.wantLock(exitDone, "", flags...)
	})
}

// foreign starts a program that is not ours.
func (p *place) foreign(args ...string) *kithtest.Child {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = p.files
	return kithtest.Peer(p.t, cmd).Start()
}

func (p *place) wantForeign(status int, args ...string) {
	p.t.Helper()
	peer := p.foreign(args...)
	if _ = peer.Wait(); peer.Cmd.ProcessState.ExitCode() != status {
		p.t.Errorf("%v: %v, want exit status %d", args, peer.Cmd.ProcessState, status)
	}
}

// excludes checks both directions between us and a foreign program, which is
// called to hold the lock, and to try it.
func (p *place) excludes(flags, hold, try []string) {
	p.t.Helper()
	p.wantForeign(0, try...)
	ours := p.hold(flags...)
	p.wantForeign(9, try...)
	waiting := p.foreign(hold...)
	p.awaitWaiter()
	ours.tell()
	ours.expect(7, "")

	if line, err := waiting.Hear(); line != "held" {
		p.t.Fatalf("%v said %q, %v", hold, line, err)
	}
	p.wantLock(exitBusy, "locked by another: process ", flags...)
	next := p.talk(flags, untilTold)
	p.awaitWaiter()
	waiting.Kill()
	next.hear("held")
	next.tell()
	next.expect(7, "")
}

func TestLockExcludesFlock(t *testing.T) {
	kithtest.Need(t, "flock")
	hold := []string{"flock", "--no-fork", "file", "sh", "-c", "echo held; read line"}
	newPlace(t).excludes(nil, hold, []string{"flock", "-n", "-E", "9", "file", "true"})
}

func TestLockExcludesLockf(t *testing.T) {
	python := "/usr/bin/python3"
	kithtest.Need(t, python)
	script, err := filepath.Abs("testdata/lockf.py")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	lockf := func(words ...string) []string { return append([]string{python, script, "file"}, words...) }
	p.excludes([]string{"--range", "10:20"}, lockf("29", "5", "hold"), lockf("9", "2", "try"))

	ours := p.hold("--range", "10:20")
	p.wantForeign(0, lockf("0", "10", "try")...)
	p.wantForeign(0, lockf("30", "0", "try")...)
	p.wantForeign(9, lockf("0", "0", "try")...)
	ours.tell()
}

func TestLockPassesSignals(t *testing.T) {
	p := newPlace(t)
	names := []string{"SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTERM"}
	k := p.talk(nil, sayingSignals(t, names...))
	k.hear("ready")
	for _, name := range names {
		k.signal(unix.SignalNum(name))
		k.hear(name)
		if name != "SIGTERM" {
			p.wantLock(exitBusy, "")
		}
	}
	k.expect(7, "")
	p.wantLock(exitDone, "")
}

func sayingSignals(t *testing.T, names ...string) []string {
	t.Helper()
	python := "/usr/bin/python3"
	kithtest.Need(t, python)
	script, err := filepath.Abs("testdata/signals.py")
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{python, script}, names...)
}

// The default of a signal ends CMD, and kith says by which.
func TestLockSignalEndsCommand(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2} {
		k := newPlace(t).hold()
		k.signal(s)
		k.expect(exitSignal+int(s), "")
		if told := k.stderr(); told != "" {
			t.Errorf("%v: kith said %q", s, told)
		}
	}
}

func TestLockInterruptedWhileWaiting(t *testing.T) {
	everyLock(t, func(t *testing.T, flags []string) {
		for s, status := range map[syscall.Signal]int{syscall.SIGHUP: exitSignal + 1, syscall.SIGINT: exitINT, syscall.SIGTERM: exitTERM} {
			p := newPlace(t)
			first := p.hold(flags...)
			second := p.start(lockArgs(append(flags, "--timeout", "1h"), []string{"touch", "ran"}))
			p.awaitWaiter()
			second.signal(s)
			second.expect(status, "kith: interrupted")
			first.tell()
			first.expect(7, "")
			p.wantLock(exitDone, "", flags...)
			p.wantLeft("file")
		}
	})
}

// While CMD runs, the lock is held, whatever becomes of kith.
func TestLockOutlivesKith(t *testing.T) {
	everyLock(t, func(t *testing.T, flags []string) {
		p := newPlace(t)
		k := p.hold(flags...)
		k.kill()
		p.wantLock(exitBusy, "locked by another: a process that ", flags...)
		next := p.talk(flags, untilTold)
		p.awaitWaiter()
		k.tell() // CMD, which is still there
		next.hear("held")
		next.tell()
		next.expect(7, "")
	})
}

// kill ends kith, and returns when it is dead, be its command alive or not.
func (k *process) kill() {
	k.t.Helper()
	_ = k.Process.Kill()
	err := unix.Waitid(unix.P_PID, k.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	if err != nil && !errors.Is(err, unix.ECHILD) {
		k.t.Error(err)
	}
}

// What CMD leaves in the background has the lock's descriptor, and not the lock.
func TestLockIsNotTheGrandchilds(t *testing.T) {
	everyLock(t, func(t *testing.T, flags []string) {
		p := newPlace(t)
		k := p.talk(flags, []string{"sh", "-c", `sleep 1000 2>/dev/null >/dev/null & echo $!`})
		line, err := k.out.ReadString('\n')
		pid, _ := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || pid <= 1 {
			t.Fatalf("no grandchild: %q, %v", line, err)
		}
		defer func() { _ = unix.Kill(pid, unix.SIGKILL) }()
		k.expect(exitDone, "")
		if !hasOpen(pid, p.path("file")) {
			t.Error("the grandchild has not inherited the descriptor, which proves nothing")
		}
		p.wantLock(exitDone, "", flags...)
	})
}

func hasOpen(pid int, path string) bool {
	links, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	for _, link := range links {
		if target, _ := os.Readlink(link); target == path {
			return true
		}
	}
	return false
}

// asNobody makes the process another user's, who may not look into our folders,
// but may run what we run.
func asNobody(c *exec.Cmd) {
	c.Path = "/proc/self/exe"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

func TestLockAsNobody(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	p := newPlace(t)
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	p.files = directory
	p.write("file", 100)
	permit := func(name string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(filepath.Join(directory, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	run := func(status int, message string, args ...string) {
		t.Helper()
		p.start(append([]string{"lock"}, append(args, "--", "true")...), asNobody).expect(status, message)
	}
	permit("file", 0o644)
	permit(".", 0o755)
	run(exitDone, "", "file")
	run(exitDone, "", ".")
	run(exitDone, "", "file", "--shared", "--range", "0:10")
	run(exitLockFailed, "bad file descriptor: an exclusive lock on a range needs a file that you may write", "file", "--range", "0:10")
	run(exitLockFailed, "open other: permission denied", "other")
	k := p.hold()
	run(exitBusy, "(kith) holds it", "file", "--timeout", "0")
	k.tell()
	k.expect(7, "")

	permit("file", 0o600)
	run(exitLockFailed, "open file: permission denied", "file")
	permit(".", 0o777|os.ModeSticky)
	run(exitDone, "", "other")
	run(exitDone, "", "other", "--range", "0:")
	p.wantLeft("file", "other")
}

// TestLockKills kills kiths and their commands at random while others wait. The
// command takes a second lock, for a moment and without waiting: status 9 would
// be two at once.
func TestLockKills(t *testing.T) {
	program := compileSecond(t)
	everyLock(t, func(t *testing.T, flags []string) {
		p := newPlace(t)
		args := lockArgs(flags, []string{program, "second"})
		var contenders sync.WaitGroup
		var killed atomic.Int32
		for range 4 {
			contenders.Go(func() {
				for range 10 * kills(t) {
					if p.killAtRandom(args) {
						killed.Add(1)
					}
				}
			})
		}
		contenders.Wait()
		if killed.Load() == 0 {
			t.Error("nobody was killed in time, which proves nothing")
		}
		t.Logf("%d kiths or commands killed of %d", killed.Load(), 40*kills(t))
		last := p.hold(flags...) // hangs, if something is stuck
		last.tell()
		last.expect(7, "")
		p.wantLeft("file", "second")
	})
}

func compileSecond(t *testing.T) string {
	t.Helper()
	kithtest.Need(t, "gcc")
	program := filepath.Join(t.TempDir(), "second")
	if out, err := exec.Command("gcc", "-Wall", "-Wextra", "-Werror", "-o", program, "testdata/second.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// killAtRandom reports whether the kill came before the end.
func (p *place) killAtRandom(args []string) bool {
	k := p.start(args)
	select {
	case <-time.After(rand.N(20 * time.Millisecond)): // not to wait for something: the moment is the test's input
	case <-k.done:
	}
	if rand.N(2) == 0 {
		k.kill()
	} else {
		k.killCommand()
	}
	switch status := k.status(); status {
	case exitDone:
		return false
	case -1, exitSignal + int(syscall.SIGKILL):
		return true
	default:
		p.t.Errorf("exit status %d: %s", status, k.stderr())
		return false
	}
}

// killCommand kills the command that kith runs, if it does. Any thread may have
// started it.
func (k *process) killCommand() {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(k.Process.Pid) + "/task/*/children")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
