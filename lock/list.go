package lock

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// listed looks for the file in the list of all locks:
//
//	1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
func (c *call) listed() (*Holder, error) {
	var file string
	err := c.use(func(fd int) (err error) { file, err = listedAs(fd); return err })
	if err != nil {
		return nil, err
	}
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(list) {
		h := &Holder{Kind: Flock, Mode: Exclusive}
		var number, access, id, how string
		n, _ := fmt.Sscan(string(line), &number, &how, &access, &access, &h.PID, &id)
		if n < 6 || how != "FLOCK" || id != file {
			continue
		}
		if access == "READ" {
			h.Mode = Shared
		}
		if h.Mode == Exclusive || c.mode == Exclusive {
			return h, nil
		}
	}
	return nil, nil
}

// listedAs is an open file in the list: the device of its mount, and its inode.
// Stat(2) would do, but says otherwise on btrfs and on overlayfs.
func listedAs(fd int) (string, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return "", err
	}
	major, minor, inode := unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino
	var mount int
	info, _ := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	for line := range strings.Lines(string(info)) {
		_, _ = fmt.Sscanf(line, "mnt_id: %d", &mount)
		_, _ = fmt.Sscanf(line, "ino: %d", &inode) // since Linux 5.14
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		var id, parent int
		var ma, mi uint32
		if n, _ := fmt.Sscanf(line, "%d %d %d:%d", &id, &parent, &ma, &mi); n == 4 && id == mount {
			major, minor = ma, mi
		}
	}
	return fmt.Sprintf("%02x:%02x:%d", major, minor, inode), nil
}
