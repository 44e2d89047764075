package sock_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/sock"
)

// errNobodyThere is what a name says that nobody has.
var errNobodyThere = unix.ECONNREFUSED

// pathOf is a path of so many bytes, in a directory of its own.
func pathOf(t *testing.T, length int) sock.Addr {
	t.Helper()
	base := directory(t) + "/"
	return sock.Addr(base + strings.Repeat("x", length-len(base)))
}

// longPath is one that no address has room for, in deep directories.
func longPath(t *testing.T) sock.Addr {
	t.Helper()
	deep := directory(t)
	for range 3 {
		deep = filepath.Join(deep, strings.Repeat("d", 200))
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	return sock.Addr(filepath.Join(deep, "s"))
}

// Every byte of an abstract name counts.
func TestAbstractNames(t *testing.T) {
	base := abstract(t)
	names := []sock.Addr{
		base, base + "\x00", base + "\x00\x00", base + "\x00x", "\x00" + base, base + "@", base + "/\xff\n",
		sock.Padded(string(base[1:])), sock.Abstract(""),
		base + sock.Addr(strings.Repeat("y", 108-len(base))),
	}
	for _, name := range names {
		s := bound(t, sock.Datagram, name)
		if local, err := s.Local(); local != name || err != nil {
			t.Errorf("%q, %v, want %q", local, err, name)
		}
	}
	for _, name := range names {
		s := fresh(t, sock.Datagram)
		wants(t, s.Bind(name, 0), unix.EADDRINUSE)
		wants(t, s.Bind(name, 0o600), unix.EINVAL) // it has no mode, and none is pretended
		sendTo(t, s, name, "x")
	}
	wants(t, fresh(t, sock.Datagram).Bind(base+sock.Addr(strings.Repeat("y", 109-len(base))), 0), unix.ENAMETOOLONG)
}

// An abstract name goes with its socket.
func TestAbstractNameGoes(t *testing.T) {
	name := abstract(t)
	for range 3 {
		s := bound(t, sock.Datagram, name)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		wants(t, fresh(t, sock.Datagram).SendTo(t.Context(), name, nil), unix.ECONNREFUSED)
	}
}

func TestAutobind(t *testing.T) {
	a, b := bound(t, sock.Datagram, ""), bound(t, sock.Datagram, "")
	one, err1 := a.Local()
	other, err2 := b.Local()
	if !one.IsAbstract() || len(one) != 6 || one == other || err1 != nil || err2 != nil {
		t.Errorf("%q and %q, %v, %v", one, other, err1, err2)
	}
	sendTo(t, a, other, "hello")
	if got, m := receive(t, b, 0); got != "hello" || m.From != one {
		t.Errorf("%q from %v", got, m.From)
	}
}

func TestAddrIsPrinted(t *testing.T) {
	for addr, want := range map[sock.Addr]string{
		"": "", "/run/x": "/run/x", "@x": "@x", sock.Abstract("x"): "@x", sock.Abstract("a\x00\n"): `@a\x00\n`, sock.Abstract(""): "@",
	} {
		if got := addr.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A path may fill the whole of an address, and be longer.
func TestLongPaths(t *testing.T) {
	t.Chdir(directory(t)) // for what is relative
	long := longPath(t)
	for _, path := range []sock.Addr{pathOf(t, 107), pathOf(t, 108), pathOf(t, 109), long, "relative", "@relative"} {
		for _, kind := range kinds {
			s := bound(t, kind, path)
			if info, err := os.Lstat(string(path)); err != nil || info.Mode() != fs.ModeSocket|0o600 {
				t.Fatalf("%v, %v", info, err)
			}
			if local, err := s.Local(); len(path) <= 108 && local != path || err != nil {
				t.Errorf("%q, %v, want %q", local, err, path)
			}
			other := fresh(t, kind)
			if kind != sock.Datagram {
				if err := errors.Join(s.Listen(), other.Connect(t.Context(), path)); err != nil {
					t.Fatal(err)
				}
			} else {
				sendTo(t, other, path, "hello")
				if got := text(t, s); got != "hello" {
					t.Errorf("%q", got)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(string(path)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the path stays: %v", err)
			}
		}
	}
}

// What .. means is the kernel's to say: where a link leads, not where it lies.
func TestPathsBehindLinks(t *testing.T) {
	folder := directory(t)
	if err := errors.Join(os.MkdirAll(folder+"/far/away", 0o700), os.Symlink("far/away", folder+"/link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	for _, prefix := range []string{"link/../", "link/../" + strings.Repeat("./", 100), folder + "/link/../"} {
		s := bound(t, sock.Datagram, sock.Addr(prefix+"s"))
		if _, err := os.Lstat("far/s"); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat("far/s"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the path stays: %v", err)
		}
	}
}

// A last part that is too long can be reached, but not made.
func TestLongBase(t *testing.T) {
	base := strings.Repeat("b", 200)
	short, long := path(t), sock.Addr(filepath.Join(directory(t), base))
	wants(t, fresh(t, sock.Datagram).Bind(long, 0o600), unix.ENAMETOOLONG)
	s := bound(t, sock.Datagram, short)
	if err := os.Rename(string(short), string(long)); err != nil {
		t.Fatal(err)
	}
	sendTo(t, fresh(t, sock.Datagram), long, "hello")
	send(t, connected(t, sock.Datagram, long), "again")
	if got := text(t, s) + text(t, s); got != "helloagain" {
		t.Errorf("%q", got)
	}
}

// The mode is there from the beginning, less the umask.
func TestModeOfPath(t *testing.T) {
	for _, mode := range []os.FileMode{0, 0o600, 0o660, 0o622} {
		at := path(t)
		s := fresh(t, sock.Datagram)
		if err := s.Bind(at, mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(string(at))
		if err != nil || info.Mode().Perm() != mode&^umask() {
			t.Errorf("%v, %v, want %v", info.Mode(), err, mode)
		}
	}
}

func umask() os.FileMode {
	mask := unix.Umask(0)
	unix.Umask(mask)
	return os.FileMode(mask)
}

// Close removes its own path, and nobody else's.
func TestCloseRemovesItsOwn(t *testing.T) {
	at := path(t)
	first := bound(t, sock.Datagram, at)
	if err := os.Remove(string(at)); err != nil {
		t.Fatal(err)
	}
	second := bound(t, sock.Datagram, at)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	sendTo(t, fresh(t, sock.Datagram), at, "to the second")
	if got := text(t, second); got != "to the second" {
		t.Errorf("%q", got)
	}
	if err := second.Detach().Close(); err != nil { // as a process that dies
		t.Fatal(err)
	}
	if _, err := os.Lstat(string(at)); err != nil {
		t.Errorf("Detach has removed the path: %v", err)
	}
	wants(t, fresh(t, sock.Datagram).Bind(at, 0o600), unix.EADDRINUSE) // it is stale, and blocks the name
	wants(t, fresh(t, sock.Datagram).SendTo(t.Context(), at, nil), unix.ECONNREFUSED)
	wants(t, fresh(t, sock.Stream).Connect(t.Context(), at), unix.ECONNREFUSED)
}

// The process may have gone to another directory meanwhile.
func TestCloseRemovesRelativePath(t *testing.T) {
	here := directory(t)
	t.Chdir(here)
	s := bound(t, sock.Datagram, "s")
	t.Chdir("/")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(here, "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the path stays: %v", err)
	}
}
