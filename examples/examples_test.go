// Package examples has only tests: they run the programs in the folders below.
package examples

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	_ "kith/fifo" // what the programs are made of, for the test cache
	"kith/internal/kithtest"
	"kith/ipc"
	_ "kith/lock"
	"kith/sem"
	"kith/shm"
)

func TestMain(m *testing.M) { kithtest.Main(m) }

// A program is an example, built, and the file that its processes meet at.
type program struct {
	t      *testing.T
	binary string
	file   string
}

func build(t *testing.T, name string) *program {
	t.Helper()
	if _, err := os.ReadFile(filepath.Join(name, "main.go")); err != nil { // so that a change of it makes the cached result stale
		t.Fatal(err)
	}
	folder := t.TempDir()
	p := &program{t: t, binary: filepath.Join(folder, "program"), file: filepath.Join(folder, "file")}
	if out, err := exec.Command("go", "build", "-o", p.binary, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return p
}

// start runs `program command file more…`.
func (p *program) start(command string, more ...string) *kithtest.Child {
	p.t.Helper()
	return kithtest.Peer(p.t, exec.Command(p.binary, append([]string{command, p.file}, more...)...)).Start()
}

// run is start, and what the program says until it ends.
func (p *program) run(command string, more ...string) (string, error) {
	child := p.start(command, more...)
	line, err := child.Hear()
	return line, errors.Join(err, child.Wait())
}

func hear(t *testing.T, child *kithtest.Child, want string) {
	t.Helper()
	if line, err := child.Hear(); line != want {
		t.Fatalf("%v said %q, %v, want %q", child.Cmd.Args[1:], line, err, want)
	}
}

func interrupt(t *testing.T, child *kithtest.Child) {
	t.Helper()
	if err := errors.Join(child.Cmd.Process.Signal(os.Interrupt), child.Wait()); err != nil {
		t.Fatal(err)
	}
}

// every runs a test for each of the time servers.
func every(t *testing.T, test func(t *testing.T, p *program)) {
	for _, name := range []string{"file", "fifo", "shm"} {
		t.Run(name, func(t *testing.T) {
			p := build(t, "timeserver/"+name)
			if name == "shm" {
				keyed(t, p.file)
			}
			test(t, p)
		})
	}
}

// keyed makes the file that stands for a key, and takes away, at the end, what a
// killed server has left there.
func keyed(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := ipc.Ftok(path, 't')
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if set, err := sem.FindSet(key); err == nil {
			_ = set.Remove()
		}
		if segment, err := shm.FindSysV(key); err == nil {
			_ = segment.Remove()
		}
	})
}

func (p *program) serve() *kithtest.Child {
	p.t.Helper()
	server := p.start("serve")
	hear(p.t, server, "serving "+p.file)
	return server
}

// ask is the time that a client is told.
func (p *program) ask() time.Time {
	p.t.Helper()
	line, err := p.run("ask")
	told, wrong := time.Parse(time.RFC3339Nano, line)
	if err != nil || wrong != nil {
		p.t.Errorf("ask: %q, %v", line, err)
	}
	return told
}

// wantNone checks that a client does not wait for a server that is not there.
func (p *program) wantNone() {
	p.t.Helper()
	if line, err := p.run("ask"); err == nil || line != "" {
		p.t.Errorf("without a server a client says %q", line)
	}
}

func TestTimeServer(t *testing.T) {
	every(t, func(t *testing.T, p *program) {
		p.wantNone()
		start := time.Now()
		server := p.serve()
		var clients sync.WaitGroup
		for range 5 {
			clients.Go(func() {
				var last time.Time
				for range 5 {
					told := p.ask()
					if told.Before(start) || told.After(time.Now()) || told.Before(last) {
						t.Errorf("told %v, after %v, since %v", told, last, start)
					}
					last = told
				}
			})
		}
		clients.Wait()
		if line, err := p.run("serve"); err == nil || line != "" {
			t.Errorf("a second server says %q", line)
		}
		p.ask()
		interrupt(t, server)
		p.wantNone()
		p.wantLeft()
	})
}

// wantLeft checks that all is gone but the file that the user gave.
func (p *program) wantLeft() {
	p.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(p.file))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != "program" && name != "file" {
			p.t.Errorf("%s is left", name)
		}
	}
	key, err := ipc.Ftok(p.file, 't')
	if err != nil {
		return // the FIFO is gone
	}
	if set, err := sem.FindSet(key); !errors.Is(err, unix.ENOENT) {
		p.t.Errorf("the semaphores %v are left: %v", set, err)
	}
	if segment, err := shm.FindSysV(key); !errors.Is(err, unix.ENOENT) {
		p.t.Errorf("the segment %v is left: %v", segment, err)
	}
}

// Servers and clients are killed while others ask. Nobody hangs, no killed
// server's time is told, and the next server serves.
func TestTimeServerKilled(t *testing.T) {
	every(t, func(t *testing.T, p *program) {
		for range 20 {
			start := time.Now()
			server := p.serve()
			var clients sync.WaitGroup
			for i := range 4 {
				clients.Go(func() {
					client := p.start("ask")
					if i == 0 {
						client.Kill()
						return
					}
					line, err := client.Hear()
					if told, wrong := time.Parse(time.RFC3339Nano, line); err == nil && (wrong != nil || told.Before(start)) {
						t.Errorf("told %q, since %v", line, start)
					}
					_ = client.Wait() // with an error, where the server is dead
				})
			}
			if told := p.ask(); told.Before(start) {
				t.Errorf("told %v, since %v", told, start)
			}
			server.Kill()
			clients.Wait()
			p.wantNone()
		}
		server := p.serve()
		p.ask()
		interrupt(t, server)
	})
}

// A client waits for a server that is stopped, until that is killed.
func TestTimeServerKilledWhileAsked(t *testing.T) {
	p := build(t, "timeserver/fifo")
	server := p.serve()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	client := p.start("ask")
	awaitFile(t, p.file+"."+strconv.Itoa(client.Cmd.Process.Pid))
	server.Kill()
	if line, err := client.Hear(); err == nil {
		t.Errorf("a dead server said %q", line)
	}
	if err := client.Wait(); err == nil {
		t.Error("a client of a dead server has succeeded")
	}
	p.serve() // in place of the stale FIFO
	p.ask()
}

func awaitFile(t *testing.T, path string) {
	t.Helper()
	for range time.Tick(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
}

// Many readers at once, beside a writer that writes many versions and is killed
// again and again, see whole records, and never an older one than before.
func TestReaders(t *testing.T) {
	for _, way := range []struct{ write, read string }{{"write", "read"}, {"replace", "look"}} {
		t.Run(way.write, func(t *testing.T) {
			p := build(t, "readers")
			p.finish(p.start(way.write, "1"))
			done := make(chan struct{})
			var readers sync.WaitGroup
			for range 4 {
				readers.Go(func() { p.readOn(way.read, done) })
			}
			for range 20 {
				writer := p.start(way.write, "1000000")
				p.version(way.read)
				p.version(way.read)
				writer.Kill()
			}
			before := p.version(way.read)
			p.finish(p.start(way.write, "100"))
			close(done)
			readers.Wait()
			if after := p.version(way.read); after != before+100 {
				t.Errorf("100 versions after %d the version is %d", before, after)
			}
			t.Logf("%d versions", before+100)
		})
	}
}

func (p *program) readOn(read string, done chan struct{}) {
	for last := 0; ; {
		select {
		case <-done:
			return
		default:
		}
		now := p.version(read)
		if now < last {
			p.t.Errorf("version %d after %d", now, last)
		}
		last = now
	}
}

func (p *program) finish(child *kithtest.Child) {
	p.t.Helper()
	if err := child.Wait(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) version(read string) int {
	p.t.Helper()
	line, err := p.run(read)
	version, wrong := strconv.Atoi(line)
	if err != nil || wrong != nil {
		p.t.Errorf("%s: %q, %v", read, line, err)
	}
	return version
}

// A reader that comes after the writer does not get in before it: so readers that
// come again and again cannot keep it out.
func TestReadersDoNotOvertakeTheWriter(t *testing.T) {
	p := build(t, "readers")
	p.finish(p.start("write", "1"))
	inside := p.start("read", "wait")
	hear(t, inside, "reading")
	another := p.start("read", "wait")
	hear(t, another, "reading") // readers share

	writer := p.start("write", "1")
	p.awaitWaiting(1)
	late := p.start("read")
	p.awaitWaiting(2)

	for _, reader := range []*kithtest.Child{inside, another} {
		if err := reader.Say(""); err != nil {
			t.Fatal(err)
		}
		hear(t, reader, "1")
	}
	p.finish(writer)
	hear(t, late, "2")
}

// awaitWaiting waits until n processes wait for locks on the file, whom the kernel
// lists with an arrow (proc_locks(5)).
func (p *program) awaitWaiting(n int) {
	p.t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(p.file, &stat); err != nil {
		p.t.Fatal(err)
	}
	inode := ":" + strconv.FormatUint(stat.Ino, 10) + " "
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
