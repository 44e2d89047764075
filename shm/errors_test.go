package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/shm"
)

// drop closes a segment that was not to be there.
func drop(s *shm.Segment, err error) error {
	if s != nil {
		_ = s.Close()
	}
	return err
}

func either(s *shm.Segment, _ bool, err error) error { return drop(s, err) }

// What the man pages of shmget, shmop and shmctl promise, as far as root can
// provoke it. EACCES and EPERM are in user_test.go, the limits in limit_test.go.
func TestSysVErrors(t *testing.T) {
	before := kithtest.Hold()
	o := sysv(t)
	there := segment(t)(o.create(4096, 0o600))
	absent := ipc.Key(0x6b<<24 | unused())
	_, find := shm.FindSysV(absent)
	_, private := shm.FindSysV(ipc.Private)
	_, stat := shm.ID(-1).Stat()
	_, huge := shm.CreateHugeSysV(ipc.Private, 4096, 0o600, 8192)
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"create: exists", drop(o.create(4096, 0o600)), unix.EEXIST},
		{"open: absent", drop(shm.OpenSysV(absent, shm.ReadOnly)), unix.ENOENT},
		{"find: absent", find, unix.ENOENT},
		{"find: private", private, unix.ENOENT},
		{"open or create: too small", either(o.either(4097, 0o600)), unix.EINVAL},
		{"attach: no such identifier", drop(shm.ID(1 << 30).Attach(shm.ReadOnly)), unix.EINVAL},
		{"attach: negative", drop(shm.ID(-1).Attach(shm.ReadWrite)), unix.EINVAL},
		{"stat", stat, unix.EINVAL},
		{"remove", shm.ID(-1).Remove(), unix.EINVAL},
		{"chmod", shm.ID(-1).Chmod(0o600), unix.EINVAL},
		{"chown", shm.ID(-1).Chown(0, 0), unix.EINVAL},
		{"chown to nobody at all", there.ID().Chown(1<<32-1, 0), unix.EINVAL},
		{"lock", shm.ID(-1).Lock(), unix.EINVAL},
		{"huge pages of a size that is none", drop(shm.CreateHugeSysV(ipc.Private, 4096, 0o600, 4095)), unix.EINVAL},
		{"huge pages of a size that the machine has not", huge, unix.EINVAL},
		{"seal", there.Seal(unix.F_SEAL_SEAL), unix.EINVAL},
	} {
		var name *os.SyscallError
		if !errors.Is(c.err, c.want) || !errors.As(c.err, &name) {
			t.Errorf("%s: %v, want %v", c.what, c.err, c.want)
		}
	}
	_ = there.Close()
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// What the man page of shm_open promises.
func TestPOSIXErrors(t *testing.T) {
	before := kithtest.Hold()
	o := posix(t)
	there := segment(t)(o.create(4096, 0o600))
	long := strings.Repeat("n", 256)
	type test struct {
		what string
		err  error
		want error
	}
	tests := []test{
		{"create: exists", drop(o.create(4096, 0o600)), unix.EEXIST},
		{"open: absent", drop(shm.OpenPOSIX("kith-absent", shm.ReadOnly)), unix.ENOENT},
		{"unlink: absent", shm.UnlinkPOSIX("/kith-absent"), unix.ENOENT},
		{"create: too long", drop(shm.CreatePOSIX(long, 1, 0o600)), unix.ENAMETOOLONG},
		{"open or create: too long", either(shm.OpenOrCreatePOSIX(long, 1, 0o600)), unix.ENAMETOOLONG},
		{"open or create: too small", either(o.either(4097, 0o600)), unix.EINVAL},
	}
	for _, name := range []string{"", "/", ".", "..", "/..", "a/b", "/a/", "a\x00b"} {
		tests = append(tests,
			test{"create " + name, drop(shm.CreatePOSIX(name, 1, 0o600)), unix.EINVAL},
			test{"open " + name, drop(shm.OpenPOSIX(name, shm.ReadOnly)), unix.EINVAL},
			test{"unlink " + name, shm.UnlinkPOSIX(name), unix.EINVAL})
	}
	for _, c := range tests {
		var path *fs.PathError
		if !errors.Is(c.err, c.want) || !errors.As(c.err, &path) {
			t.Errorf("%q: %v, want %v", c.what, c.err, c.want)
		}
	}
	longest := fmt.Sprintf("%0255d", os.Getpid())
	s := segment(t)(shm.CreatePOSIX("///"+longest, 1, 0o600))
	if err := errors.Join(s.Remove(), s.Close(), there.Remove(), there.Close()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(before.Left(), segmentsLeft()); err != nil {
		t.Error(err)
	}
}

// What is no file is refused, and nobody waits for a FIFO's other end.
func TestNotRegular(t *testing.T) {
	before := kithtest.Hold()
	at := "/dev/shm" + posix(t).name + "-"
	kinds := []string{"fifo", "directory", "socket"}
	if err := errors.Join(unix.Mkfifo(at+"fifo", 0o600), unix.Mkdir(at+"directory", 0o700)); err != nil {
		t.Fatal(err)
	}
	if unix.Mknod(at+"device", unix.S_IFCHR|0o600, 1<<8|5) == nil { // root alone can
		kinds = append(kinds, "device")
	}
	socket, err := net.Listen("unix", at+"socket")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		name := filepath.Base(at) + kind
		for what, err := range map[string]error{
			"POSIX":       drop(shm.OpenPOSIX(name, shm.ReadOnly)),
			"to write":    drop(shm.OpenPOSIX(name, shm.ReadWrite)),
			"made":        either(shm.OpenOrCreatePOSIX(name, 1, 0o600)),
			"file":        drop(shm.OpenFile(at+kind, shm.ReadOnly)),
			"file, write": either(shm.OpenOrCreateFile(at+kind, 1, 0o600)),
		} {
			if !errors.Is(err, shm.ErrNotRegular) {
				t.Errorf("%s, %s: %v", kind, what, err)
			}
		}
		if err := drop(shm.CreatePOSIX(name, 1, 0o600)); !errors.Is(err, unix.EEXIST) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	_ = socket.Close()
	_ = os.Remove(at + "device")
	if err := errors.Join(os.Remove(at+"fifo"), os.Remove(at+"directory")); err != nil {
		t.Error(err)
	}
	if err := errors.Join(before.Left(), segmentsLeft()); err != nil {
		t.Error(err)
	}
}

// A link in /dev/shm leads nowhere, as for shm_open; one to a file elsewhere does.
func TestLinks(t *testing.T) {
	o, target := posix(t), file(t)
	_ = segment(t)(target.create(size, 0o600))
	if err := os.Symlink(target.name, "/dev/shm"+o.name); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{drop(o.open(shm.ReadOnly)), either(o.either(1, 0o600))} {
		if !errors.Is(err, unix.ELOOP) {
			t.Errorf("through a link: %v", err)
		}
	}
	_ = segment(t)(shm.OpenFile("/dev/shm"+o.name, shm.ReadOnly))
	dangling := file(t)
	if err := os.Symlink("/nowhere/at/all", dangling.name); err != nil {
		t.Fatal(err)
	}
	if err := either(dangling.either(1, 0o600)); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a link to nothing: %v", err)
	}
}

// Its maker may leave an object empty for a moment.
func TestEmpty(t *testing.T) {
	for _, o := range []object{posix(t), file(t)} {
		path := o.name
		if o.kind == "posix" {
			path = "/dev/shm" + path
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var tooSmall *shm.SizeError
		if err := drop(o.open(shm.ReadOnly)); !errors.As(err, &tooSmall) || tooSmall.Size != 0 || !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v", o.kind, err)
		}
	}
}

// What mmap(2) says of files.
func TestMapErrors(t *testing.T) {
	before := kithtest.Hold()
	o := file(t)
	made := segment(t)(o.create(4096, 0o600))
	reading, err := os.Open(o.name)
	if err != nil {
		t.Fatal(err)
	}
	writing, err := os.OpenFile(o.name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	proc, err := os.Open("/proc/self/status") // a regular file that cannot be mapped
	if err != nil {
		t.Fatal(err)
	}
	closed, _ := os.Open(o.name)
	_ = closed.Close()
	var tooSmall *shm.SizeError
	if err := drop(shm.Map(reading, 0, 4097, shm.ReadOnly)); !errors.As(err, &tooSmall) {
		t.Errorf("more than there is: %v", err)
	}
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"a file open to read, to write", drop(shm.Map(reading, 0, 4096, shm.ReadWrite)), unix.EACCES},
		{"a file open to write only", drop(shm.Map(writing, 0, 4096, shm.ReadOnly)), unix.EACCES},
		{"and to write", drop(shm.Map(writing, 0, 4096, shm.ReadWrite)), unix.EACCES},
		{"/proc", drop(shm.OpenFile("/proc/self/status", shm.ReadOnly)), unix.EINVAL},
		{"/proc of a size", drop(shm.Map(proc, 0, 1, shm.ReadOnly)), unix.EINVAL},
		{"a closed file", drop(shm.Map(closed, 0, 1, shm.ReadOnly)), os.ErrClosed},
		{"no bytes", drop(shm.Map(reading, 0, 0, shm.ReadOnly)), unix.EINVAL},
		{"before the start", drop(shm.Map(reading, -1, 10, shm.ReadOnly)), unix.EINVAL},
		{"beyond all numbers", drop(shm.Map(reading, 1<<62, 1<<62, shm.ReadOnly)), unix.EINVAL},
		{"no access", drop(shm.Map(reading, 0, 10, 7)), unix.EINVAL},
		{"create in no folder", drop(shm.CreateFile("/nowhere/at/all", 1, 0o600)), unix.ENOENT},
		{"create under a file", drop(shm.CreateFile(o.name+"/x", 1, 0o600)), unix.ENOTDIR},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.err, c.want)
		}
	}
	_, _, _, _ = reading.Close(), writing.Close(), proc.Close(), made.Close()
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// A mapping of a part begins at any byte, and lets a file grow to hold it.
func TestMapPart(t *testing.T) {
	before := kithtest.Hold()
	o := file(t)
	made := segment(t)(o.create(10, 0o600))
	write(t, made, 0, "0123456789")
	s := segment(t)(shm.Map(made.File(), 5, 9000, shm.ReadWrite))
	if got := read(t, s, 0, 6); got != "56789\x00" {
		t.Errorf("at 5 there is %q", got)
	}
	write(t, s, 8990, "the last10")
	view, err := s.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	if len(view.Bytes()) != 9000 || cap(view.Bytes()) != 9000 {
		t.Errorf("%d of %d bytes", len(view.Bytes()), cap(view.Bytes()))
	}
	if _, err := view.Uint32(3); err != nil {
		t.Errorf("a word at byte 8 of the file: %v", err)
	}
	if err := errors.Join(s.Sync(), s.Close(), made.Close()); err != nil {
		t.Error(err)
	}
	view.Release()
	if text, err := os.ReadFile(o.name); err != nil || len(text) != 9005 || string(text[8995:]) != "the last10" {
		t.Errorf("the file has %d bytes, %v", len(text), err)
	}
	if err := s.Remove(); err == nil {
		t.Error("what has no name was removed")
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func TestMapFaultOffset(t *testing.T) {
	o := file(t)
	made := segment(t)(o.create(size, 0o600))
	s := segment(t)(shm.Map(made.File(), 5000, 20000, shm.ReadWrite))
	if err := made.File().Truncate(8192); err != nil {
		t.Fatal(err)
	}
	_, err := s.ReadAt(make([]byte, 1), 8192-5000)
	var fault *shm.FaultError
	if !errors.As(err, &fault) || fault.Offset != 8192-5000 {
		t.Errorf("%v", err)
	}
}
