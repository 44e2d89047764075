package proc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/poll"
)

// A group1 is a control group of version 1. The kernel counts in an eventfd how often it was
// out of memory and, once, that it was removed. When the group is gone, a count of one may
// be either. So another eventfd is for the removal alone: that of a threshold that
// memory in use never reaches.
type group1 struct {
	watch  *Watch
	folder *folder // while it is opened

	control *os.File // memory.oom_control
	oom     *source
	gone    *source
	killed  uint64
	late    uint64 // counted when the group was gone, and not told yet
}

// open registers gone first: the kernel ends registrations from the last to the first, in
// one queue. So when gone has come, nothing more comes of oom.
func (g *group1) open() (err error) {
	g.watch.forget = g.close
	if g.control, err = g.folder.open("memory.oom_control", unix.O_RDONLY); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = failed("cgroup", g.folder.path, ErrNotCgroup)
		}
		return err
	}
	usage, err := g.folder.open("memory.usage_in_bytes", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer usage.Close()
	if g.gone, err = g.register(usage, fmt.Sprint(int64(math.MaxInt64)), g.seeGone); err != nil {
		return err
	}
	if g.oom, err = g.register(g.control, "", g.seeOOM); err != nil {
		return err
	}
	g.killed, err = g.kills()
	return err
}

// register has the kernel count in a new eventfd what happens to the file.
func (g *group1) register(file *os.File, threshold string, see func(poll.Events)) (*source, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", sys.OpenLimit(err))
	}
	s := &source{File: os.NewFile(uintptr(fd), "eventfd"), want: poll.Readable, ready: see}
	g.watch.sources = append(g.watch.sources, s)
	control, err := g.folder.open("cgroup.event_control", unix.O_WRONLY)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	return s, sys.Control(file, func(counted int) error {
		if _, err := fmt.Fprintf(control, "%d %d %s", fd, counted, threshold); err != nil {
			return err
		}
		return nil
	})
}

// seeOOM: while its file can be read, the group was not removed when this was counted.
func (g *group1) seeOOM(poll.Events) {
	times := drain(g.oom.File)
	killed, err := g.kills()
	switch {
	case removed(err):
		g.late += times
	case err != nil:
		g.watch.fail(err)
	case times > 0:
		g.watch.tell(OutOfMemory{origin{g.watch}, times, killed - g.killed})
		g.killed = killed
	}
}

func (g *group1) seeGone(poll.Events) {
	if g.late += drain(g.oom.File); g.late > 1 {
		g.watch.tell(OutOfMemory{origin: origin{g.watch}, Times: g.late - 1})
	}
	g.watch.end(Removed{origin{g.watch}})
}

// kills is how many processes of the group the kernel has killed (Linux 4.13).
func (g *group1) kills() (uint64, error) {
	counters, err := count(g.control)
	if err != nil {
		return 0, err
	}
	return counters.of("oom_kill")
}

func (g *group1) close() {
	if g.control != nil {
		_ = g.control.Close()
	}
}

// drain takes the count out of an eventfd that does not wait.
func drain(eventfd *os.File) uint64 {
	var value [8]byte
	_ = sys.Control(eventfd, func(fd int) error { _, err := unix.Read(fd, value[:]); return err })
	return binary.NativeEndian.Uint64(value[:])
}
