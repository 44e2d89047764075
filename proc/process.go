package proc

import (
	"os"

	"kith/poll"
)

// Process watches whoever has the PID now (pidfd_open(2)), also a zombie. If it is not known
// to be the one that was meant, use Identified. A child of this process is: it keeps
// its PID until it was waited for.
//
// Errors: ErrNoProcess; ErrThread; EINVAL for a PID that is not positive; RLIMIT_NOFILE
// (EMFILE), file-max (ENFILE) and max_user_watches (ENOSPC) as limits; ENODEV, ENOMEM; ENOSYS
// before Linux 5.3, EPERM where a sandbox forbids it; os.ErrClosed.
func (w *Watcher) Process(pid int) (*Watch, error) {
	file, err := openPidfd(pid)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	return w.process(file, pid)
}

// Pidfd watches the process of a pidfd, as another process may have passed it (package
// sock): no PID is asked for, and so none can be another's. file is duplicated, and stays
// the caller's. It needs /proc.
//
// Errors: ErrNotPidfd; ErrThread for one of a thread (PIDFD_THREAD); os.ErrClosed, also for file;
// and the limits of Process.
func (w *Watcher) Pidfd(file *os.File) (*Watch, error) {
	own, err := duplicate(file)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	pid, err := visiblePID(own)
	if err == nil && ofThread(own) {
		err = ErrThread
	}
	if err != nil {
		_ = own.Close()
		return nil, os.NewSyscallError("pidfd", err)
	}
	return w.process(own, max(pid, 0))
}

// process takes the file.
func (w *Watcher) process(file *os.File, pid int) (*Watch, error) {
	p := &process{watch: &Watch{kind: "process", pid: pid}}
	p.pidfd = &source{File: file, want: poll.Readable, ready: p.ready}
	return w.begin(p.watch, p.watch.has(p.pidfd))
}

type process struct {
	watch *Watch
	pidfd *source
}

// ready is the end of the process, or of the zombie. By then the kernel tells the status, if
// it ever does: not of who cannot be seen from here.
func (p *process) ready(come poll.Events) {
	status := statusOf(p.pidfd.File)
	if status.known || come&poll.HangUp != 0 || p.watch.pid == 0 || !recordsStatus() {
		p.watch.end(Exited{origin{p.watch}, status})
		return
	}
	p.watch.tell(Zombie{origin{p.watch}})
	if err := p.pidfd.registration.Modify(0); err != nil {
		p.watch.fail(err)
	}
}
