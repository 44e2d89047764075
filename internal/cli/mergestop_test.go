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
		m := p.merge("-c", `trap 'echo last words; exit 5' INT TERM HUP; echo $$; while :; do sleep 1000; done`, "-c", `sh -c 'echo $$; sleep 1000'; sleep 1000`)
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
	m := p.merge("-c", `trap 'echo not me' INT; echo $$; while :; do sleep 1000; done`)
	pids := m.pids(1)
	m.signal(syscall.SIGINT)
	for line := ""; !strings.HasSuffix(line, ": not me\n"); {
		line, _ = m.out.ReadString('\n')
	}
	m.signal(syscall.SIGINT)
	m.expect(exitINT, "kith: interrupted (interrupt)\n")
	p.wantGone(pids...)
}

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
		m.awaitBlockedWrite()
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
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", "exec yes > "+name)
	cmd.Dir = p.files
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// awaitBlockedWrite waits until a thread of the process stays in a write to standard
// output.
func (m *merger) awaitBlockedWrite() {
	m.t.Helper()
	seen := 0
	for range time.Tick(time.Millisecond) {
		select {
		case <-m.done:
			m.t.Fatalf("%v was to wait, but ended: %s", m.Args, m.stderr())
		default:
		}
		if !m.inWrite() {
			seen = 0
		} else if seen++; seen == 10 { // in a row
			return
		}
	}
}

func (m *merger) inWrite() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", m.Process.Pid))
	for _, thread := range threads {
		text, _ := os.ReadFile(thread)
		if strings.HasPrefix(string(text), fmt.Sprintf("%d 0x1 ", unix.SYS_WRITE)) {
			return true
		}
	}
	return false
}
