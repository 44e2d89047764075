package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An interrupt ends the commands, all their processes, whose last words are written;
// those that do not want to end are killed by the second one.
func TestMergeInterruptsCommands(t *testing.T) {
	for signal, status := range map[syscall.Signal]int{syscall.SIGINT: exitINT, syscall.SIGTERM: exitTERM, syscall.SIGHUP: exitSignal + 1} {
		p := newPlace(t)
		m := p.merge("-c", `trap 'echo last words; exit 5' INT TERM HUP; while :; do `+sleeper+`; done`, "-c", sleeper+"; sleep 1000")
		pids := m.pids(2)
		m.signal(signal)
		if got := m.heard(); !strings.HasSuffix(got, ": last words\n") {
			t.Errorf("wrote %q", got)
		}
		m.expect(status, "kith: interrupted (")
		p.wantGone(pids...)
	}
}

func TestMergeSecondInterruptKills(t *testing.T) {
	p := newPlace(t)
	m := p.merge("-c", `trap 'echo not me' INT; while :; do `+sleeper+`; done`)
	pids := m.pids(1)
	m.signal(syscall.SIGINT)
	m.await(": not me\n")
	m.signal(syscall.SIGINT)
	m.expect(exitINT, "kith: interrupted (interrupt)\n")
	p.wantGone(pids...)
}

// await reads up to a line that ends so.
func (m *merger) await(end string) {
	m.t.Helper()
	for line, err := "", error(nil); !strings.HasSuffix(line, end); {
		if line, err = m.out.ReadString('\n'); err != nil {
			m.t.Fatalf("%q, %v; want %q", line, err, end)
		}
	}
}

// Two signals that come at once are the first and the second: neither is lost, nor ends
// kith without its commands.
func TestMergeTwoInterruptsAtOnce(t *testing.T) {
	for range 20 {
		p := newPlace(t)
		m := p.merge("-c", `trap '' INT TERM; echo $$; exec sleep 1000`)
		pids := m.pids(1)
		m.signal(syscall.SIGINT)
		m.signal(syscall.SIGTERM)
		m.expect(max(exitINT, min(m.status(), exitTERM)), "kith: interrupted (")
		p.wantGone(pids...)
	}
}

// A reader that goes after an interrupt is noticed, too: what does not mind the one ends
// by the other.
func TestMergeInterruptedLosesReader(t *testing.T) {
	p := newPlace(t)
	r, w := pipe(t)
	k := p.start([]string{"merge", "-c", `trap 'echo not me' INT; while :; do ` + sleeper + `; done`}, stdout(w))
	_ = w.Close()
	m := newMerger(k, r)
	m.pids(1)
	m.signal(syscall.SIGINT)
	m.await(": not me\n")
	_ = r.Close()
	m.expect(exitINT, "kith: interrupted (interrupt)\n")
}

// sleeper is a command of the shell that says when it is there. (A dash that gets a
// SIGINT while it starts a command loses it, and waits for the command.)
const sleeper = `sh -c 'echo $$; exec sleep 1000'`

// pids are the numbers of so many processes, who say them.
func (m *merger) pids(count int) (pids []int) {
	m.t.Helper()
	for range count {
		line, err := m.out.ReadString('\n')
		pid, notNumber := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]))
		if err != nil || notNumber != nil {
			m.t.Fatalf("%q, %v", line, err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// wantGone waits for the end of processes that have been killed.
func (p *place) wantGone(pids ...int) {
	p.t.Helper()
	for _, pid := range pids {
		for range time.Tick(time.Millisecond) {
			if state, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); len(state) == 0 || bytes.Contains(state, []byte(") Z ")) {
				break
			}
		}
	}
}

// Nobody reads the output: the sources wait, what is held is bounded, and an interrupt
// ends kith all the same.
func TestMergeInterruptWhileBlocked(t *testing.T) {
	for _, args := range [][]string{{"-c", "yes"}, {"fifo"}} {
		p := newPlace(t)
		p.fifo("fifo")
		m := p.merge(args...)
		if args[0] == "fifo" {
			p.flood1("fifo")
			p.awaitFull("fifo")
		}
		m.awaitBlockedWrite(syscall.Stdout)
		if memory := peak(m.Process.Pid); memory > mergeMemory/2 {
			t.Errorf("%d bytes of memory", memory)
		}
		m.signal(syscall.SIGINT)
		m.expect(exitINT, "kith: interrupted (interrupt)\n")
	}
}

// flood1 starts a writer who writes until nobody reads.
func (p *place) flood1(name string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", "exec yes 'a line of some length, as most are' > "+name)
	cmd.Dir = p.files
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// awaitBlockedWrite waits until a thread of the process stays in a write to that
// descriptor.
func (m *merger) awaitBlockedWrite(fd int) {
	m.t.Helper()
	seen := 0
	for range time.Tick(time.Millisecond) {
		select {
		case <-m.done:
			m.t.Fatalf("%v was to wait, but ended: %s", m.Args, m.stderr())
		default:
		}
		if !m.inWrite(fd) {
			seen = 0
		} else if seen++; seen == 10 { // in a row
			return
		}
	}
}

func (m *merger) inWrite(fd int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", m.Process.Pid))
	for _, thread := range threads {
		text, _ := os.ReadFile(thread)
		if strings.HasPrefix(string(text), fmt.Sprintf("%d %#x ", unix.SYS_WRITE, fd)) {
			return true
		}
	}
	return false
}
