package proc

import (
	"bytes"
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/poll"
)

// see reads all events there are, and has those groups looked at: another may have got
// the name.
func (r *removals) see(poll.Events) {
	buffer := make([]byte, 64<<10)
	_ = sys.Control(r, func(fd int) error {
		for {
			n, err := unix.Read(fd, buffer)
			if err != nil || n <= 0 {
				return err
			}
			r.parse(buffer[:n])
		}
	})
}

// parse reads events as inotify(7) has them: the parent's number, what happened, a cookie, and
// the length of the name, which follows, and has zeros behind it.
func (r *removals) parse(events []byte) {
	for len(events) >= unix.SizeofInotifyEvent {
		parent := int(int32(binary.NativeEndian.Uint32(events)))
		happened := binary.NativeEndian.Uint32(events[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		name, _, _ := bytes.Cut(events[unix.SizeofInotifyEvent:end], []byte{0})
		events = events[end:]
		if happened&unix.IN_Q_OVERFLOW != 0 {
			r.lookAtAll()
		}
		r.look(place{parent, string(name)})
	}
}

func (r *removals) look(at place) {
	for g := range r.groups[at] {
		g.look()
	}
}

// lookAtAll is for events that the kernel had no room for.
func (r *removals) lookAtAll() {
	for at := range r.groups {
		r.look(at)
	}
}

// instanceLimit tells the two limits behind EMFILE apart.
func instanceLimit(err error) error {
	if !errors.Is(err, unix.EMFILE) {
		return sys.OpenLimit(err)
	}
	if fd, other := unix.Eventfd(0, unix.EFD_CLOEXEC); other == nil {
		_ = unix.Close(fd)
		return sys.SettingLimit(err, "max_user_instances", "/proc/sys/fs/inotify/max_user_instances")
	}
	return sys.OpenLimit(err)
}

func watchLimit(err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return sys.SettingLimit(err, "max_user_watches", "/proc/sys/fs/inotify/max_user_watches")
	}
	return err
}
