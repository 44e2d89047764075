package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// transfer sends the file in to where a `kith recv` writes, and both succeed.
func (p *place) transfer(output string, change ...func(*exec.Cmd)) {
	p.t.Helper()
	r := p.start([]string{"recv", "unix:a", output}, change...)
	p.start([]string{"send", r.listening(), "in"}).expect(exitDone, "")
	r.expect(exitDone, "")
}

func TestRecvGivesModeOfNewFile(t *testing.T) {
	p := newPlace(t)
	p.write("in", 1)
	plain, err := os.Create(p.path("plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	p.transfer("out")
	if got, want := p.mode("out"), p.mode("plain"); got != want {
		t.Errorf("mode %v, want %v", got, want)
	}
}

func TestRecvReplacesFile(t *testing.T) {
	p := newPlace(t)
	data := p.write("in", fileSize)
	p.write("out", 10)
	p.chmod(0o642, p.path("out"))
	p.transfer("out")
	p.wantFile("out", data)
	if got := p.mode("out"); got != 0o642 {
		t.Errorf("mode %v, want the old file's", got)
	}
	p.wantLeft("in", "out")
}

func (p *place) mode(name string) os.FileMode {
	p.t.Helper()
	info, err := os.Lstat(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return info.Mode()
}

// A link stays, and what it points to is replaced, be it there yet or not.
func TestRecvFollowsLinks(t *testing.T) {
	for _, dangling := range []bool{false, true} {
		p := newPlace(t)
		data := p.write("in", 100)
		if !dangling {
			p.write("target", 10)
		}
		for name, to := range map[string]string{"link": "second", "second": p.path("target")} {
			if err := os.Symlink(to, p.path(name)); err != nil {
				t.Fatal(err)
			}
		}
		p.transfer("link")
		p.wantFile("target", data)
		if p.mode("link").Type() != os.ModeSymlink || p.mode("second").Type() != os.ModeSymlink {
			t.Error("a link was replaced")
		}
		p.wantLeft("in", "link", "second", "target")
	}
}

func TestRecvWritesToFIFO(t *testing.T) {
	p := newPlace(t)
	data := p.write("in", fileSize)
	if err := unix.Mkfifo(p.path("out"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.start([]string{"recv", "unix:a", "out"})
	read := p.start([]string{"send", "--listen", "unix:b", "out"}) // a reader of FIFOs that is at hand
	back := p.start([]string{"recv", "--dial", read.listening(), "back"})
	p.start([]string{"send", r.listening(), "in"}).expect(exitDone, "")
	r.expect(exitDone, "")
	read.expect(exitDone, "")
	back.expect(exitDone, "")
	p.wantFile("back", data)
	p.wantLeft("back", "in", "out")
}

// The sender prints why the receiver failed.
func TestRecvFullDevice(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		p.write("in", fileSize)
		r := p.start([]string{"recv", address, "/dev/full"})
		s := p.start([]string{"send", r.listening(), "in"})
		r.expect(exitFailed, "write /dev/full: no space left on device")
		s.expect(exitFailed, "the receiver failed: write /dev/full: no space left on device")
		p.wantLeft("in")
	})
}

// A regular file that cannot be written to its end is not there at all.
func TestRecvFullFile(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		p.write("in", fileSize)
		old := p.write("out", 10)
		r := p.start([]string{"recv", address, "out"})
		r.listening()
		limit := unix.Rlimit{Cur: fileSize / 2, Max: fileSize / 2}
		if err := unix.Prlimit(r.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
			t.Fatal(err)
		}
		s := p.start([]string{"send", r.listening(), "in"})
		r.expect(exitFailed, "write out: file too large")
		s.expect(exitFailed, "the receiver failed: write out: file too large")
		p.wantFile("out", old)
		p.wantLeft("in", "out")
	})
}

func TestRecvClosedOutput(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		p.write("in", fileSize)
		reader, out := pipe(t)
		r := p.start([]string{"recv", address}, stdout(out))
		_, _ = reader.Close(), out.Close()
		s := p.start([]string{"send", r.listening(), "in"})
		r.expect(exitFailed, "write standard output: nobody reads it any more")
		s.expect(exitFailed, "the receiver failed: write standard output: nobody reads it any more")
		p.wantLeft("in")
	})
}

// While there is no more to come, the receiver hears of the sender's death.
func TestRecvHearsOfDeath(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		r, s := p.startMidway(address)
		s.signal(syscall.SIGKILL)
		r.expect(exitPeerDied, "out was not written")
		p.wantLeft()
	})
}

func TestRecvAddressInUse(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		first := p.start([]string{"recv", address, "out"})
		p.start([]string{"recv", first.listening(), "out"}).expect(exitFailed, "end it, or choose another address")
		p.write("in", 1)
		p.start([]string{"send", first.listening(), "in"}).expect(exitDone, "")
		first.expect(exitDone, "")
		p.wantLeft("in", "out")
	})
}

// What is seen to fail fails before anybody is met, and makes nothing.
func TestRecvRefusesEarly(t *testing.T) {
	p := newPlace(t)
	p.write("readonly", 1)
	p.chmod(0o444, p.path("readonly"))
	p.chmod(0o555, p.files)
	for _, output := range []string{"out", "readonly"} {
		p.start([]string{"recv", "unix:a", output}, p.asNobody).expect(exitFailed, output+": permission denied")
	}
	p.wantLeft("readonly")
}

func (p *place) chmod(mode os.FileMode, path string) {
	p.t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		p.t.Fatal(err)
	}
}

// asNobody runs a process without the rights of root, for whom everything is
// writable; it makes what lies around the test's files readable.
func (p *place) asNobody(c *exec.Cmd) {
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	p.chmod(0o755, filepath.Dir(p.files))
	p.chmod(0o755, filepath.Dir(filepath.Dir(c.Path)))
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
