package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

func TestWatchStatuses(t *testing.T) {
	p := newPlace(t)
	ways := []string{"exit:0", "exit:255", "signal:15", "signal:9", "signal:6", "signal:11", "signal:34", "signal:64", "thread:3", "exit:1"}
	peer := p.watched(ways...)
	w := p.watch(peer.pids)
	ends := peer.endAll()
	for range ways {
		l := w.hear()
		if l.Name != "watched.c.exe" {
			t.Errorf("the name is %q", l.Name)
		}
		wantEnd(t, l, ends)
	}
	w.end(exitEndedBadly, "")
}

// A thousand end at once, half of them killed.
func TestWatchThousand(t *testing.T) {
	p := newPlace(t)
	var ways []string
	for i := range 1000 {
		if i%2 == 0 {
			ways = append(ways, "signal:9")
		} else {
			ways = append(ways, "exit:"+strconv.Itoa(i%256))
		}
	}
	peer := p.watched(ways...)
	w := p.watch(peer.pids)
	ends := peer.endAll()
	for range ways {
		wantEnd(t, w.hear(), ends)
	}
	w.end(exitEndedBadly, "")
}

// A line is out when the thing happens, while kith watches on; and one ends after another.
func TestWatchKills(t *testing.T) {
	p := newPlace(t)
	peer := p.watched("kill:0", "kill:0", "kill:0", "exit:0")
	w := p.watch(peer.pids)
	for _, pid := range peer.pids[:3] {
		n, _ := strconv.Atoi(pid)
		sendSignal(t, n, unix.SIGKILL)
		if l := w.hear(); l.PID != n || l.Signal != "SIGKILL" {
			t.Errorf("%+v, where %d was killed", l, n)
		}
	}
	peer.endAll()
	if l := w.hear(); l.Status == nil || *l.Status != 0 {
		t.Errorf("%+v, want status 0", l)
	}
	w.end(exitEndedBadly, "")
}

// One look is enough for what has ended already.
func TestWatchNoTime(t *testing.T) {
	p := newPlace(t)
	peer := p.watched("exit:7", "kill:0")
	peer.tell()
	ended, alive := peer.pids[0], peer.pids[1]
	pid, _ := strconv.Atoi(ended)
	awaitState(t, pid, 'Z')
	p.start([]string{"watch", "--timeout", "0", ended}).expect(exitEndedBadly, "")
	p.start([]string{"watch", "--timeout", "0", ended, alive}).expect(exitBusy, "process "+alive+" (watched.c.exe) had not ended after 0s")
}

// Neither is the process that was named: a thread of it, and one that has ended.
func TestWatchNoProcess(t *testing.T) {
	p := newPlace(t)
	peer := p.watched("thread:0")
	leader, _ := strconv.Atoi(peer.pids[0])
	thread := awaitThread(t, leader)
	p.start([]string{"watch", thread}).expect(exitNotWatched,
		fmt.Sprintf("kith: process %s: pidfd_open: this is a thread, not a process, of process %d\n", thread, leader))
	peer.endAll()
	p.start([]string{"watch", peer.pids[0]}).expect(exitNotWatched, "no process has this PID here")
}

// awaitThread waits until the process has a second thread, and returns it.
func awaitThread(t *testing.T, pid int) string {
	t.Helper()
	for range time.Tick(time.Millisecond) {
		threads := list(t, fmt.Sprintf("/proc/%d/task", pid))
		for _, thread := range threads {
			if thread != strconv.Itoa(pid) {
				return thread
			}
		}
	}
	return ""
}

// Another user may watch, and is told the status when the parent has asked for it.
func TestWatchAsNobody(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	p := newPlace(t)
	peer := p.watched("exit:7", "signal:9")
	p.files = "/"
	w := p.watch(peer.pids, asNobody)
	peer.tell()
	for range 2 {
		if l := w.hear(); l.Event != "zombie" || l.Name != "watched.c.exe" {
			t.Errorf("%+v, want a zombie", l)
		}
	}
	ends := peer.waitForAll()
	wantEnd(t, w.hear(), ends)
	wantEnd(t, w.hear(), ends)
	w.end(exitEndedBadly, "")
}

func TestWatchFIFO(t *testing.T) {
	p := newPlace(t)
	if err := unix.Mkfifo(p.path("alive"), 0o600); err != nil {
		t.Fatal(err)
	}
	peer := p.foreign("sh", "-c", "exec 3>alive; echo open; read line")
	w := p.watch([]string{"./alive"})
	hearLine(t, peer, "open")
	peer.Kill()
	if l := w.hear(); l.Event != "hangup" || l.FIFO != "alive" {
		t.Errorf("%+v, want that the FIFO has ended", l)
	}
	w.end(exitDone, "")
}

// A process may have any name, and a command any words.
func TestWatchNames(t *testing.T) {
	const name = "\x1b) Z\n(\""
	p := newPlace(t)
	program, err := os.ReadFile(kithtest.Compile(t, "testdata/watched.c"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), program, 0o700); err != nil {
		t.Fatal(err)
	}
	peer := &watched{Child: kithtest.Peer(t, exec.Command(p.path(name), "exit:0")).Start(), t: t}
	peer.pids = []string{peer.hear()}
	w := p.watch(peer.pids)
	peer.endAll()
	if l := w.hear(); l.Name != name {
		t.Errorf("%+v, want the name %q", l, name)
	}
	w.end(exitDone, "")

	var out bytes.Buffer
	p.start([]string{"watch", "-c", ": \x1b\n"}, stdout(&out)).expect(exitDone, "")
	if text := out.String(); !strings.Contains(text, `(: \x1b\n): exit`) {
		t.Errorf("said %q", text)
	}
}

// Nobody reads, the pipe is full, and kith can be interrupted all the same, with its commands.
func TestWatchBlocked(t *testing.T) {
	p := newPlace(t)
	for _, command := range [][]string{nil, {"-c", "exec sleep 1000"}} {
		peer := p.watched(slices.Repeat([]string{"exit:0"}, 100)...)
		w := p.watch(append(command, peer.pids...))
		if _, err := unix.FcntlInt(w.reader.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
			t.Fatal(err)
		}
		peer.endAll()
		awaitBlocked(t, w.Process.Pid, fmt.Sprintf("%d 0x1 ", unix.SYS_WRITE)) // to its standard output
		w.signal(unix.SIGINT)
		w.expect(exitINT, "kith: interrupted")
	}
}
