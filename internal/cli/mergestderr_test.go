package cli

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// noWait is a deadline that is over.
var noWait = time.Unix(1, 0)

// mergeTo starts a merger whose standard error is the test's.
func (p *place) mergeTo(stdout, stderr *os.File, args ...string) *merger {
	p.t.Helper()
	k := exec.Command("kith", append([]string{"merge"}, args...)...)
	k.Dir, k.Stdout, k.Stderr = p.files, stdout, stderr
	if err := k.Start(); err != nil {
		p.t.Fatal(err)
	}
	m := &merger{process: &process{Cmd: k, t: p.t, done: make(chan struct{})}}
	go func() { _ = k.Wait(); close(m.done) }()
	p.t.Cleanup(func() { _ = k.Process.Kill(); <-m.done })
	return m
}

// What kith has to say of its sources does not tear the lines of a command's standard
// error, which go the same way.
func TestMergeTearsNoMessages(t *testing.T) {
	const line, count, ends = "a line of the command that is neither torn nor mixed with another", 20000, 50
	p := newPlace(t)
	p.fifo("gate")
	r, w := pipe(t)
	args := []string{"-c", "yes '" + line + "' | head -" + strconv.Itoa(count) + " >&2"}
	for range ends {
		args = append(args, "-c", "read x < gate; exit 7")
	}
	m := p.mergeTo(nil, w, args...)
	_ = w.Close()
	m.awaitBlockedWrite(syscall.Stderr)
	p.sh("echo > gate")
	lines, said := 0, 0
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		switch text := scanner.Text(); {
		case text == args[1]+": "+line:
			lines++
		case strings.HasPrefix(text, "kith: read x") && strings.HasSuffix(text, ": exit status 7"):
			said++
		default:
			t.Errorf("%q", text)
		}
	}
	if status := m.status(); lines != count || said != ends || status != 7 {
		t.Errorf("%d lines, %d ends, status %d", lines, said, status)
	}
}

// Where standard error fails, the lines come all the same, and the status tells.
func TestMergeWithoutStderr(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	p := newPlace(t)
	p.sh("seq 100000 > file")
	k := exec.Command("kith", "merge", "--no-prefix", "-c", "echo lost >&2; sleep 0.1; echo said", p.path("file"))
	k.Stderr = full
	out, _ := k.Output()
	if got := strings.Count(string(out), "\n"); got != 100001 || k.ProcessState.ExitCode() != exitFailed {
		t.Errorf("%d lines, status %d", got, k.ProcessState.ExitCode())
	}
}

// A standard error that nobody reads keeps nobody from ending kith.
func TestMergeStalledStderr(t *testing.T) {
	p := newPlace(t)
	r, w := pipe(t)
	if err := fillPipe(w); err != nil {
		t.Fatal(err)
	}
	out, outs := pipe(t)
	m := p.mergeTo(outs, w, "missing", "-c", `echo $$; trap "" INT; while :; do sleep 1000; done`)
	m.out = bufio.NewReader(out)
	pids := m.pids(1)
	for range time.Tick(10 * time.Millisecond) {
		_ = m.Process.Signal(syscall.SIGINT)
		if m.ended() {
			break
		}
	}
	_ = r.Close()
	p.wantGone(pids...)
}

func (m *merger) ended() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// fillPipe writes until no more fits.
func fillPipe(w *os.File) error {
	fd := int(w.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	for {
		if _, err := unix.Write(fd, make([]byte, 1)); err != nil {
			return unix.SetNonblock(fd, false)
		}
	}
}
