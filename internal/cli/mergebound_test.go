package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

// 500 sources have each a line of more than a MiB at the same time: all of it comes, in
// pieces, and what kith holds of it is bounded.
func TestMergeLongLines(t *testing.T) {
	const count, size = 500, 5 << 18
	p := newPlace(t)
	m := p.merge(p.fifos(count)...)
	script, err := filepath.Abs("testdata/merge/long.py")
	if err != nil {
		t.Fatal(err)
	}
	writer := kithtest.Python(t, script, p.files, strconv.Itoa(count), strconv.Itoa(size)).Start()
	sizes, ended, memory := make([]int, count), 0, 0
	for ended < count {
		line, err := m.out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		sep := strings.IndexAny(line, ":+")
		source, _ := strconv.Atoi(line[:sep])
		if first := sizes[source] == 0; first != (line[sep] == ':') {
			t.Fatalf("source %d: after %d bytes comes %q", source, sizes[source], line[:sep+1])
		}
		text := strings.TrimSuffix(line[sep+2:], "\n")
		if strings.HasSuffix(text, "end") {
			text = strings.TrimSuffix(text, "end")
			ended++
			if sizes[source]+len(text) != size {
				t.Errorf("source %d: %d bytes of %d", source, sizes[source]+len(text), size)
			}
		}
		if strings.Count(text, "x") != len(text) {
			t.Fatalf("source %d: %q", source, text)
		}
		sizes[source] += len(text)
		memory = max(memory, peak(m.Process.Pid))
	}
	t.Logf("at most %s of memory", formatBytes(int64(memory)))
	if memory == 0 || memory > mergeMemory {
		t.Errorf("%d bytes of memory", memory)
	}
	if err := writer.Wait(); err != nil {
		t.Error(err)
	}
	m.expect(exitDone, "")
	if said := "kith: 7: a line is too long to be kept, and is written in pieces\n"; strings.Count(m.stderr(), said) != 1 {
		t.Errorf("%q was not said once:\n%s", said, m.stderr())
	}
}

// What comes to one source while another floods is written before more than what
// was under way already.
func TestMergeTrickle(t *testing.T) {
	const underWay = 1 << 20 // the pipe, a batch that is written, one that waits, and a turn, with their prefixes
	everyBackend(t, func(t *testing.T, backend string) {
		p := newPlace(t)
		p.fifo("flood")
		p.fifo("trickle")
		m := p.merge("--backend", backend, "flood", "trickle")
		p.flood1("flood")
		trickle, err := fifo.OpenBoth(p.path("trickle"))
		if err != nil {
			t.Fatal(err)
		}
		defer trickle.Close()
		for i := range 10 {
			m.skip(2 * underWay)
			fmt.Fprintln(trickle, i)
			want := fmt.Sprintf("trickle: %d\n", i)
			for line, passed := "", 0; line != want; passed += len(line) {
				if line, err = m.out.ReadString('\n'); err != nil || passed > underWay {
					t.Fatalf("%d bytes came before it: %v", passed, err)
				}
			}
		}
	})
}

// skip reads at least so many bytes.
func (m *merger) skip(bytes int) {
	m.t.Helper()
	for bytes > 0 {
		line, err := m.out.ReadSlice('\n')
		if err != nil {
			m.t.Fatal(err)
		}
		bytes -= len(line)
	}
}

// A disk that is full ends kith and its commands. What is there is whole lines, up to
// where the disk was full.
func TestMergeFullDisk(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	p := newPlace(t)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	out, err := os.Create(filepath.Join(disk, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.start([]string{"merge", "-c", "yes"}, stdout(out)).expect(exitFailed, "kith: write standard output: no space left on device\n")
	text, err := os.ReadFile(out.Name())
	if got := strings.Count(string(text), "yes: y\n"); err != nil || got*len("yes: y\n") < len(text)-len("yes: y\n") {
		t.Errorf("%d lines in %d bytes, %v", got, len(text), err)
	}
}

// A writer that is killed in the middle of a line leaves it torn, and so it comes. What
// was written before is whole. (The next writer begins with a line feed: where he opens
// the FIFO before what is in it was read, nobody can tell the two apart.)
func TestMergeKilledWriters(t *testing.T) {
	everyBackend(t, func(t *testing.T, backend string) {
		p := newPlace(t)
		p.fifo("0")
		m := p.merge("--follow", "--backend", backend, "0")
		program := compileMergePeer(t)
		y, torn := newTally(1), 0
		for i := range kills(t) {
			writer := kithtest.Peer(t, exec.Command(program, p.files, "1", "1000000")).Start()
			y.next[0] = 0
			y.readTorn(t, m, 1+i*7919%5000)
			writer.Kill()
			p.foreign("sh", "-c", `printf '\nend\n' > 0`)
			torn += y.readTorn(t, m, 1<<30)
		}
		t.Logf("%s: %d torn lines", backend, torn)
		m.interrupt()
	})
}

// readTorn reads so many lines of flood.c, or up to the end, before which one may be
// torn.
func (y *tally) readTorn(t *testing.T, m *merger, lines int) (torn int) {
	t.Helper()
	for range lines {
		line, err := m.out.ReadString('\n')
		text, is := strings.CutPrefix(line, "0: ")
		want := string(y.expect(0, y.next[0]))
		switch {
		case err != nil || !is || torn > 0 && text != "\n" && text != "end\n":
			t.Fatalf("%q, %v after %d lines and %d torn ones", line, err, y.next[0], torn)
		case text == want:
			y.next[0]++
		case text == "end\n":
			return torn
		case text == "\n":
		case strings.HasPrefix(want, strings.TrimSuffix(text, "\n")):
			torn++
		default:
			t.Fatalf("%q, want %q", text, want)
		}
	}
	return torn
}

// More than select can hold is an error that says so before anything is read. The
// others hold them.
func TestMergeSelectsLimit(t *testing.T) {
	const count = 1100
	p := newPlace(t)
	args := append([]string{"-c", "echo command", "--backend"}, "select")
	names := p.fifos(count)
	m := p.merge(append(args, names...)...)
	m.expect(exitFailed, "kith: select: the descriptor's number is too high for select: use poll or epoll: over the limit FD_SETSIZE of 1024 (it is fixed): choose another --backend\n")
	for _, backend := range []string{"poll", "epoll"} {
		m := p.merge(append([]string{"--backend", backend}, names...)...)
		p.sh("for i in " + strings.Join(names, " ") + "; do echo $i > $i; done")
		if got := strings.Count(m.heard(), "\n"); got != count {
			t.Errorf("%s: %d lines of %d", backend, got, count)
		}
		m.expect(exitDone, "")
	}
}
