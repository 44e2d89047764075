package lock

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Target is what can be locked: an open file, or a lock file by its path. Any
// number of goroutines may use it at once.
type Target struct {
	kind Kind
	path string
	open *open // nil: a lock file, opened anew for each lock
	err  error // that there is nothing to lock
}

// On locks a file that is open. An exclusive lock of kind OFD or POSIX needs it
// open for writing, a shared one for reading (EBADF). The file stays the
// caller's. To close it gives the lock up (POSIX: to close any other opening of
// it does so too), but does not end a wait: then it is closed when the wait ends.
// Do not close it while another goroutine tries, converts or unlocks: the number of
// its descriptor may be another file's by then.
func On(file *os.File, kind Kind) *Target {
	t := &Target{kind: kind, path: file.Name(), open: &open{kind: kind, name: file.Name(), file: file}}
	err := sys.Control(file, func(fd int) error { t.open.local = sys.Local(fd); return nil })
	if err != nil {
		t.err = t.open.failed(err)
	}
	return t
}

// At locks a lock file: a file that is there for the sake of the lock, or a
// directory (with Flock). It is made if need be, as 0666 less the umask, and
// opened anew for each lock, so goroutines exclude each other as well. A Lock of
// it is on the file that has the path: if that was removed or replaced while the
// call waited, it starts again with the new one.
//
// The kind is Flock, as flock(1) has it, or OFD. It cannot be POSIX (EINVAL): a
// process would lose all its locks on the path by any Unlock; and OFD excludes
// those who use POSIX locks.
//
// Whoever may read a lock file may lock it, and keep everybody else waiting.
func At(path string, kind Kind) *Target {
	t := &Target{kind: kind, path: path}
	if kind == POSIX || path == "" {
		t.err = t.failed(unix.EINVAL)
	}
	return t
}

func (t *Target) failed(err error) error {
	return &os.PathError{Op: "lock", Path: t.path, Err: err}
}

// Lock takes the lock, and waits for it until ctx ends.
//
// Errors are *os.PathError: with the cause of ctx's end; an ipc.LimitError where
// too many wait; EDEADLK where the kernel sees processes that wait for each other
// (POSIX only); EBADF where the file is not open for that mode; EINVAL, EOVERFLOW
// for an impossible mode or range; ENOLCK where the machine or the server has no
// room for more locks; and what open(2) and stat(2) say of a lock file.
func (t *Target) Lock(ctx context.Context, mode Mode, span Range) (*Lock, error) {
	if ctx.Err() != nil {
		return nil, t.failed(context.Cause(ctx))
	}
	return t.take(ctx, mode, span)
}

// Try is Lock without waiting: the error matches ErrBusy, and EAGAIN, where
// others are in the way.
func (t *Target) Try(mode Mode, span Range) (*Lock, error) {
	return t.take(instantly, mode, span)
}

func (t *Target) take(ctx context.Context, mode Mode, span Range) (*Lock, error) {
	if t.err != nil {
		return nil, t.err
	}
	if err := check(t.kind, mode, span); err != nil {
		return nil, t.failed(err) // before a lock file is made
	}
	if t.open == nil {
		return t.takeFile(ctx, mode, span)
	}
	l := t.open.handle()
	l.open, l.mode, l.span = t.open, mode, span
	if err := l.acquire(ctx); err != nil {
		return nil, l.failed(err)
	}
	return l, nil
}

// attempts bounds how often a Try begins again. On a file system that gives a file
// another inode at each look (FUSE) it would do so for ever.
const attempts = 100

// takeFile locks the file that has the path when it has been locked.
func (t *Target) takeFile(ctx context.Context, mode Mode, span Range) (*Lock, error) {
	for round := 1; ; round++ {
		l, err := t.takeThis(ctx, mode, span)
		switch {
		case !errors.Is(err, ErrReplaced):
			return l, err
		case ctx == instantly && round == attempts:
			return nil, err
		case ctx != instantly && ctx.Err() != nil:
			return nil, t.failed(context.Cause(ctx))
		}
	}
}

// takeThis opens the file that has the path now, and locks it. Record locks want it
// open for writing. For flock only NFS does (EBADF), and a program that is open for
// writing cannot run (ETXTBSY): not for the one who locks it, as in `flock $0 $0`.
func (t *Target) takeThis(ctx context.Context, mode Mode, span Range) (*Lock, error) {
	if t.kind == Flock {
		l, err := t.takeOpen(ctx, unix.O_RDONLY, mode, span)
		if !errors.Is(err, unix.EBADF) {
			return l, err
		}
	}
	return t.takeOpen(ctx, unix.O_RDWR, mode, span)
}

func (t *Target) takeOpen(ctx context.Context, how int, mode Mode, span Range) (*Lock, error) {
	fd, err := openLockFile(t.path, how)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: t.path, Err: err}
	}
	l := &Lock{call{open: &open{kind: t.kind, name: t.path, fd: fd, own: true}, mode: mode, span: span}}
	if err = l.acquire(ctx); err == nil {
		err = l.current(fd)
	}
	if err == nil {
		return l, nil
	}
	_ = unix.Close(fd) // gives the lock up
	return nil, l.failed(err)
}
