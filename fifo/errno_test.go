package fifo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

// What works on a path, by name.
var onPaths = map[string]func(path string) error{
	"make":   func(path string) error { return fifo.Make(path, 0o600) },
	"remove": fifo.Remove,
	"reader": func(path string) error { return opened(fifo.OpenReader(path)) },
	"writer": func(path string) error { return opened(fifo.OpenWriter(path)) },
	"both":   func(path string) error { return opened(fifo.OpenBoth(path)) },
	"await writer": func(path string) error {
		return opened(fifo.Open(context.Background(), path, os.O_RDONLY))
	},
	"await reader": func(path string) error {
		return opened(fifo.Open(context.Background(), path, os.O_WRONLY))
	},
	"sessions": func(path string) error {
		s, err := fifo.OpenSessions(path)
		if err == nil {
			err = s.Close()
		}
		return err
	},
}

func opened(file *os.File, err error) error {
	if err != nil {
		return err
	}
	return file.Close()
}

// What mkfifo(3), open(2) and unlink(2) say of a path.
func TestPathErrnos(t *testing.T) {
	folder := directory(t)
	there := filepath.Join(folder, "fifo")
	makeAt(t, there)
	loop, nowhere := filepath.Join(folder, "loop"), filepath.Join(folder, "nowhere")
	ok(t, errors.Join(os.Symlink(loop, loop), os.Symlink("missing", nowhere)))
	before := kithtest.Hold(folder)
	for path, want := range map[string]error{
		filepath.Join(folder, "missing", "x"): unix.ENOENT,
		"":                                    unix.ENOENT,
		filepath.Join(there, "below"):         unix.ENOTDIR,
		there + "/":                           unix.ENOTDIR,
		filepath.Join(loop, "x"):              unix.ELOOP,
		filepath.Join(folder, strings.Repeat("x", 256)): unix.ENAMETOOLONG,
		folder + strings.Repeat("/.", unix.PathMax/2):   unix.ENAMETOOLONG,
		there + "\x00": unix.EINVAL,
	} {
		for name, call := range onPaths {
			want := want
			if name == "make" && path == there+"/" {
				want = unix.EEXIST // the name is taken, whatever it would be for
			}
			if err := call(path); !errors.Is(err, want) {
				t.Errorf("%s %q: %v, want %v", name, path, err, want)
			} else {
				wants(t, err)
			}
		}
	}
	wants(t, fifo.Make(there, 0o600), unix.EEXIST)
	wants(t, fifo.Make(nowhere, 0o600), unix.EEXIST)
	wants(t, onPaths["reader"](nowhere), unix.ENOENT)
	wants(t, onPaths["reader"](loop), unix.ELOOP)
	wants(t, onPaths["writer"](there), unix.ENXIO)
	withoutFIFOs := fifo.Make("/sys/kith-fifo", 0o600)
	if !slices.ContainsFunc([]error{unix.EPERM, unix.EACCES, unix.EROFS}, func(err error) bool { return errors.Is(withoutFIFOs, err) }) {
		t.Error(withoutFIFOs) // the last two where we are not root, or in a container
	}
	ok(t, before.Left())
}

// What another user is refused.
func TestOtherUser(t *testing.T) {
	they := asNobody(t)
	folder := directory(t)
	path := filepath.Join(folder, "fifo")
	makeAt(t, path)
	they.asks(errno(unix.EACCES), "make %s2", path)
	they.asks(errno(unix.EACCES), "remove %s", path)
	ok(t, os.Chmod(folder, 0o777|os.ModeSticky))
	they.asks(errno(unix.EPERM), "remove %s", path)
	they.asks("ok", "make %s2", path)
	they.asks("ok", "remove %s2", path)

	ok(t, os.Chmod(path, 0o600))
	for _, how := range []string{"r", "w", "rn", "wn", "rw"} {
		they.asks(errno(unix.EACCES), "open %s %s", how, path)
	}
	ok(t, os.Chmod(folder, 0o700))
	for _, how := range []string{"r", "w", "rn", "wn", "rw"} {
		they.asks(errno(unix.EACCES), "open %s %s", how, path)
	}
	ok(t, os.Chmod(folder, 0o755))

	ok(t, os.Chmod(path, 0o622)) // to write alone: inotify is not theirs
	they.asks(errno(unix.EACCES), "open r %s", path)
	they.tell("open w %s", path)
	reader := startOpen(t.Context(), path, os.O_RDONLY).met(t)
	they.hears("ok")
	they.asks("ok", "write hello")
	reads(t, reader, "hello")
	they.asks("ok", "close")
	ok(t, reader.Close())

	ok(t, os.Chmod(path, 0o644))
	they.asks(errno(unix.EACCES), "open w %s", path)
	they.tell("open r %s", path)
	writer := startOpen(t.Context(), path, os.O_WRONLY).met(t)
	they.hears("ok")
	_, err := writer.WriteString("hello")
	ok(t, err)
	they.asks("got hello", "read")
}

// A right that is lost while one waits is an error.
func TestRightLost(t *testing.T) {
	they := asNobody(t)
	path := made(t)
	they.tell("open w %s", path)
	ok(t, os.Chmod(path, 0))
	they.hears(errno(unix.EACCES))
}

// Errors of file systems, in a mount namespace of our own.
func TestMounts(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	child := kithtest.Command(t, "mounts", t.TempDir())
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	ok(t, child.Start().Wait())
}

func is(got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%w, want %w", got, want)
	}
	return nil
}

func mounts(args []string) error {
	folder := args[0]
	path, other := filepath.Join(folder, "a"), filepath.Join(folder, "b")
	err := errors.Join(
		unix.Mount("tmpfs", folder, "tmpfs", 0, "nr_inodes=3"),
		fifo.Make(path, 0o600), fifo.Make(other, 0o600),
		is(fifo.Make(path+"2", 0o600), unix.ENOSPC),
		unix.Mount(path, other, "", unix.MS_BIND, ""),
		is(fifo.Remove(other), unix.EBUSY),
		unix.Unmount(other, 0),
		unix.Mount("", folder, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""),
		is(fifo.Make(path+"2", 0o600), unix.EROFS),
		is(fifo.Remove(path), unix.EROFS),
	)
	both, opening := fifo.OpenBoth(path) // which is no writing to the file system
	if err := errors.Join(err, opening); err != nil {
		return err
	}
	writer, opening := fifo.Open(context.Background(), path, os.O_WRONLY)
	return errors.Join(opening, both.Close(), writer.Close(), quota(folder))
}

// quota is EDQUOT, where the kernel has quotas for tmpfs.
func quota(folder string) error {
	if unix.Mount("tmpfs", folder, "tmpfs", 0, "usrquota,usrquota_inode_hardlimit=2,mode=777") != nil {
		kithtest.Say("no quotas")
		return nil
	}
	if err := syscall.Setuid(nobody); err != nil {
		return err
	}
	path := filepath.Join(folder, "fifo")
	return errors.Join(fifo.Make(path, 0o600), fifo.Make(path+"2", 0o600), is(fifo.Make(path+"3", 0o600), unix.EDQUOT))
}

// A terminal that is opened by mistake does not become the one of a process that has
// none, whom it could then interrupt.
func TestTerminal(t *testing.T) {
	child := kithtest.Command(t, "terminal")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	ok(t, child.Start().Wait())
}

func terminal([]string) error {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer master.Close()
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)); err != nil {
		return err
	}
	path := fmt.Sprintf("/dev/pts/%d", number)
	for _, name := range []string{"reader", "writer", "both", "await writer", "await reader", "sessions"} {
		err = errors.Join(err, is(onPaths[name](path), fifo.ErrNotFIFO))
	}
	_, opening := os.Open("/dev/tty")
	return errors.Join(err, is(opening, unix.ENXIO))
}

// What splice(2), tee(2), vmsplice(2) and write(2) say.
func TestTransferErrnos(t *testing.T) {
	ctx := t.Context()
	reader, writer := pipe(t, 0)
	second, in := pipe(t, 0)
	_, err := writer.WriteString("there")
	ok(t, err)
	regular := openFile(t, os.O_RDWR|os.O_CREATE)
	appending := openFile(t, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	for name, want := range map[string]struct {
		from, to *os.File
		splice   error
		tee      error
	}{
		"neither is a pipe":    {regular, appending, unix.EINVAL, unix.EINVAL},
		"from a file":          {appending, in, unix.EBADF, unix.EBADF},
		"open to append":       {reader, appending, unix.EINVAL, unix.EINVAL},
		"the same pipe":        {reader, writer, unix.EINVAL, unix.EINVAL},
		"from an end to write": {writer, in, unix.EBADF, unix.EBADF},
		"into an end to read":  {reader, second, unix.EBADF, unix.EBADF},
		"closed":               {reader, closedFile(t), os.ErrClosed, os.ErrClosed},
	} {
		_, err := fifo.Splice(ctx, want.from, want.to, 100)
		if !errors.Is(err, want.splice) {
			t.Errorf("splice, %s: %v, want %v", name, err, want.splice)
		}
		wants(t, err)
		_, err = fifo.Tee(ctx, want.from, want.to, 100)
		if !errors.Is(err, want.tee) {
			t.Errorf("tee, %s: %v, want %v", name, err, want.tee)
		}
		wants(t, err)
	}
	for _, call := range []func(context.Context) (int, error){ // though data and room are there
		func(ctx context.Context) (int, error) { return fifo.Splice(ctx, reader, in, 1) },
		func(ctx context.Context) (int, error) { return fifo.Tee(ctx, reader, in, 1) },
		func(ctx context.Context) (int, error) { return fifo.Vmsplice(ctx, in, []byte("x")) },
	} {
		_, err := call(endedContext())
		wants(t, err, errCause)
	}
	for _, call := range []func(n int) (int, error){
		func(n int) (int, error) { return fifo.Splice(ctx, reader, in, n) },
		func(n int) (int, error) { return fifo.Tee(ctx, reader, in, n) },
	} {
		_, err := call(-1)
		wants(t, err, unix.EINVAL)
		if n, err := call(0); n != 0 || err != nil {
			t.Errorf("nothing: %d, %v", n, err)
		}
	}
	memory := []byte("x")
	for file, want := range map[*os.File]error{regular: unix.EBADF, reader: unix.EBADF, closedFile(t): os.ErrClosed} {
		_, err := fifo.Vmsplice(ctx, file, memory)
		wants(t, err, want)
	}
	if string(memory) != "x" {
		t.Error("the memory was written")
	}
	nowhere, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	ok(t, err)
	_, err = fifo.Vmsplice(ctx, in, nowhere)
	wants(t, err, unix.EFAULT)
	ok(t, errors.Join(unix.Munmap(nowhere), second.Close()))
	for _, call := range []func() (int, error){
		func() (int, error) { return fifo.Splice(ctx, reader, in, 1) },
		func() (int, error) { return fifo.Tee(ctx, reader, in, 1) },
		func() (int, error) { return fifo.Vmsplice(ctx, in, memory) },
	} {
		_, err := call()
		wants(t, err, unix.EPIPE)
	}
	if n, err := fifo.Vmsplice(ctx, in, nil); n != 0 || err != nil {
		t.Errorf("no memory: %d, %v", n, err)
	}
}

// An end that Go's poller does not have is not waited for.
func TestTransferOfBlockingEnd(t *testing.T) {
	var fds [2]int
	ok(t, unix.Pipe2(fds[:], unix.O_CLOEXEC))
	blocking := kept(t, os.NewFile(uintptr(fds[0]), "blocking"), nil)
	other := kept(t, os.NewFile(uintptr(fds[1]), "other"), nil)
	_, in := pipe(t, 0)
	_, err := fifo.Splice(t.Context(), blocking, in, 1)
	wants(t, err, os.ErrNoDeadline)
	ok(t, unix.Pipe2(fds[:], unix.O_CLOEXEC))
	kept(t, os.NewFile(uintptr(fds[0]), "second"), nil)
	_, err = fifo.Splice(t.Context(), blocking, kept(t, os.NewFile(uintptr(fds[1]), "both"), nil), 1)
	wants(t, err, os.ErrNoDeadline)
	_, err = other.WriteString("x")
	ok(t, err)
	n, err := fifo.Splice(t.Context(), blocking, in, 1) // but what is there is moved
	if n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func openFile(t testing.TB, flag int) *os.File {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "file"), flag, 0o600)
	return kept(t, file, err)
}

func closedFile(t testing.TB) *os.File {
	t.Helper()
	_, file := pipe(t, 0)
	ok(t, file.Close())
	return file
}
