package proc

import (
	"errors"
	"os"

	"kith/fifo"
	"kith/poll"
)

// FIFO watches an exit FIFO, by which a process that cannot be had by pidfd tells its end:
// it has the FIFO open for writing, alone, until it ends. So it does for a grandchild, and in
// another PID namespace. The FIFO is there (fifo.Make), and the process opens it later, or
// inherits it (fifo.OpenWriter, once FIFO has returned). Until somebody has it open,
// nothing is told; then its last writer's end is HungUp. A child of the process that has
// inherited it is a writer, too, until it closes it.
//
// Nothing is read: who writes into it waits when it is full. If the name is given to
// another FIFO, this one is watched. The status is not known.
//
// Errors: those of fifo.OpenReader; max_user_watches (ENOSPC) as a limit; ENOMEM;
// os.ErrClosed.
func (w *Watcher) FIFO(path string) (*Watch, error) {
	file, err := fifo.OpenReader(path)
	if err != nil {
		return nil, err
	}
	t := &Watch{kind: "fifo", path: path}
	writers := &source{File: file, ready: func(poll.Events) { t.end(HungUp{origin{t}}) }} // which comes unasked, alone
	if _, err = w.begin(t, t.has(writers)); err != nil {
		return nil, named(path, err)
	}
	return t, nil
}

// named puts a path in the place of a system call.
func named(path string, err error) error {
	if failed, is := errors.AsType[*os.SyscallError](err); is {
		return &os.PathError{Op: failed.Syscall, Path: path, Err: failed.Err}
	}
	return err
}
