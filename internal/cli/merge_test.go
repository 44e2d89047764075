package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
	"kith/poll"
)

// A merger is a `kith merge` whose lines the test reads.
type merger struct {
	*process
	out *bufio.Reader
}

func (p *place) merge(args ...string) *merger {
	p.t.Helper()
	r, w := pipe(p.t)
	k := p.start(append([]string{"merge"}, args...), stdout(w))
	_ = w.Close()
	return newMerger(k, r)
}

func newMerger(k *process, out io.Reader) *merger {
	return &merger{k, bufio.NewReaderSize(out, 1<<16)}
}

// hear reads lines, which must be these.
func (m *merger) hear(want ...string) {
	m.t.Helper()
	for _, line := range want {
		if got, err := m.out.ReadString('\n'); got != line+"\n" {
			m.t.Fatalf("%v wrote %q, %v, want %q", m.Args, got, err, line)
		}
	}
}

// heard reads what is left, to the end.
func (m *merger) heard() string {
	m.t.Helper()
	text, err := io.ReadAll(m.out)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// peak is the most memory that a process has had so far, in bytes; 0 where it has
// ended.
func peak(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kilobytes, _ := strconv.Atoi(fields[1])
			return kilobytes << 10
		}
	}
	return 0
}

func everyBackend(t *testing.T, test func(t *testing.T, backend string)) {
	for _, backend := range poll.Backends() {
		t.Run(backend.String(), func(t *testing.T) { test(t, backend.String()) })
	}
}

// fifos makes FIFOs whose names are numbers.
func (p *place) fifos(count int) (names []string) {
	p.t.Helper()
	for i := range count {
		names = append(names, strconv.Itoa(i))
		p.fifo(names[i])
	}
	return names
}

func (p *place) fifo(name string) {
	p.t.Helper()
	if err := unix.Mkfifo(p.path(name), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// flood prepares the C program that floods FIFOs from processes of their own.
func (p *place) flood(count, lines int) *kithtest.Child {
	p.t.Helper()
	return kithtest.Peer(p.t, exec.Command(compileMergePeer(p.t), p.files, strconv.Itoa(count), strconv.Itoa(lines)))
}

func compileMergePeer(t *testing.T) string {
	t.Helper()
	kithtest.Need(t, "gcc")
	program := filepath.Join(t.TempDir(), "flood")
	if out, err := exec.Command("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, "testdata/merge/flood.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// A tally checks the lines of flood.c: each whole, and the next of its source.
type tally struct {
	next  []int
	taken []int // in bytes
	bytes int   // of all
	line  []byte
}

func newTally(sources int) *tally {
	return &tally{next: make([]int, sources), taken: make([]int, sources)}
}

// read takes a line; there is none at the end.
func (y *tally) read(t *testing.T, m *merger) (more bool) {
	t.Helper()
	line, err := m.out.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(line) == 0 {
		return false
	}
	if err == nil {
		err = y.check(line)
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// count takes a line, and looks only whose it is.
func (y *tally) count(t *testing.T, m *merger) {
	t.Helper()
	line, err := m.out.ReadSlice('\n')
	source, text, ok := y.source(line)
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	y.taken[source] += len(text)
	y.bytes += len(text)
}

func (y *tally) source(line []byte) (source int, text []byte, ok bool) {
	prefix, text, _ := bytes.Cut(line, []byte(": "))
	source, err := strconv.Atoi(string(prefix))
	return source, text, err == nil && source < len(y.next)
}

func (y *tally) check(line []byte) error {
	source, text, ok := y.source(line)
	if !ok {
		return fmt.Errorf("no source: %q", line)
	}
	if want := y.expect(source, y.next[source]); !bytes.Equal(text, want) {
		return fmt.Errorf("source %d: %q, want %q", source, text, want)
	}
	y.next[source]++
	y.taken[source] += len(text)
	y.bytes += len(text)
	return nil
}

func (y *tally) expect(source, number int) []byte {
	y.line = append(strconv.AppendInt(y.line[:0], int64(source), 10), ' ')
	y.line = append(strconv.AppendInt(y.line, int64(number), 10), ' ')
	y.line = append(y.line, letters[number%26][:(number*7+source)%97]...)
	return append(y.line, '\n')
}

// letters are the lines of flood.c.
var letters = func() (all [26]string) {
	for i := range all {
		all[i] = strings.Repeat(string(rune('a'+i)), 97)
	}
	return all
}()

// 500 processes write into 500 FIFOs at full speed: no line is torn, lost, doubled or
// out of order, and the memory is bounded.
func TestMerge500FIFOs(t *testing.T) {
	everyBackend(t, func(t *testing.T, backend string) {
		const count, lines = 500, 2000
		p := newPlace(t)
		m := p.merge(append([]string{"--backend", backend}, p.fifos(count)...)...)
		flood := p.flood(count, lines).Start()
		y := newTally(count)
		memory := 0
		for all := 1; y.read(t, m); all++ {
			if all%(count*lines/10) == 0 {
				memory = max(memory, peak(m.Process.Pid))
			}
		}
		if err := flood.Wait(); err != nil {
			t.Error(err)
		}
		m.expect(exitDone, "")
		for source, got := range y.next {
			if got != lines {
				t.Errorf("source %d: %d lines of %d", source, got, lines)
			}
		}
		t.Logf("%s: at most %s of memory", backend, formatBytes(int64(memory)))
		if memory == 0 || memory > mergeMemory {
			t.Errorf("%d bytes of memory", memory)
		}
	})
}

// Where 500 processes flood, none starves: all were waiting, each with a full FIFO, and
// all have had their turn after some rounds.
func TestMergeStarvesNone(t *testing.T) {
	everyBackend(t, func(t *testing.T, backend string) {
		const count, rounds = 500, 3
		p := newPlace(t)
		m := p.merge(append([]string{"--backend", backend}, p.fifos(count)...)...)
		p.flood(count, 1<<30).Start()
		for i := range count {
			p.awaitFull(strconv.Itoa(i))
		}
		y := newTally(count)
		for y.bytes < rounds*count*pipeSize {
			y.count(t, m)
		}
		least, most := slices.Min(y.taken), slices.Max(y.taken)
		t.Logf("%s: between %s and %s of each source", backend, formatBytes(int64(least)), formatBytes(int64(most)))
		if least < pipeSize-unix.PathMax {
			t.Errorf("a source has had %d bytes, and another %d", least, most)
		}
	})
}

// Where all sources have enough all the time, none has ever had more than two turns
// more than another: one of this round, and one that is not over.
func TestMergeIsFair(t *testing.T) {
	const count, turns, turn = 100, 5, pipeSize
	everyBackend(t, func(t *testing.T, backend string) {
		p := newPlace(t)
		names := p.fifos(count)
		for i, name := range names {
			p.fill(name, i, turns*turn)
		}
		m := p.merge(append([]string{"--backend", backend}, names...)...)
		y := newTally(count)
		for slices.Max(y.taken) < (turns-1)*turn {
			for range 16 {
				y.count(t, m)
			}
			if least, most := slices.Min(y.taken), slices.Max(y.taken); most-least > 2*turn {
				t.Fatalf("after %d bytes, a source has had %d, and another %d", y.bytes, least, most)
			}
		}
	})
}

// fill makes a FIFO of that size full of lines of flood.c, and keeps it open.
func (p *place) fill(name string, source, size int) {
	p.t.Helper()
	file, err := fifo.OpenBoth(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = file.Close() })
	if _, err := unix.FcntlInt(file.Fd(), unix.F_SETPIPE_SZ, size); err != nil {
		p.t.Fatal(err)
	}
	y, text := newTally(source+1), []byte{}
	for number := 0; len(text) < size; number++ {
		text = append(text, y.expect(source, number)...)
	}
	if _, err := file.Write(text[:size]); err != nil {
		p.t.Fatal(err)
	}
}

// pipeSize is what a FIFO holds, in bytes.
const pipeSize = 64 << 10

// awaitFull waits until no more fits into a FIFO. It stays open for reading: kith may
// not have opened it yet.
func (p *place) awaitFull(name string) {
	p.t.Helper()
	fd, err := unix.Open(p.path(name), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = unix.Close(fd) })
	for range time.Tick(time.Millisecond) {
		held, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		if err != nil {
			p.t.Fatal(err)
		}
		if held > pipeSize-unix.PathMax {
			return
		}
	}
}
