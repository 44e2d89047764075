package shm_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/ring"
	memory "kith/shm"
)

// on calls f with the descriptor of every socket that the stormer has: its own ends,
// and the victim's, where it has kept one.
func (s *stormer) on(f func(fd int)) {
	if raw, err := s.front.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
	for _, file := range []*os.File{s.back, s.theirs} {
		if file == nil {
			continue
		}
		if raw, err := file.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { f(int(fd)) })
		}
	}
}

const now = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL

// knocks floods both sockets: with packets of any size, empty ones but rarely, and with
// descriptors.
func (s *stormer) knocks(random *rand.Rand) {
	packet := make([]byte, 1+random.IntN(1<<random.IntN(16)))
	if random.IntN(1000) == 0 {
		packet = nil // which is the end
	}
	var rights []byte
	if random.IntN(8) == 0 {
		rights = unix.UnixRights(0, 1, 2, int(s.file.Fd()))
	}
	s.on(func(fd int) { _, _ = unix.SendmsgN(fd, packet, rights, nil, now) })
}

// sockets changes what can be changed of them, also of the end that is the victim's.
func (s *stormer) sockets(random *rand.Rand) {
	options := []int{unix.SO_RCVBUF, unix.SO_SNDBUF, unix.SO_PEEK_OFF, unix.SO_PASSCRED, unix.SO_RCVLOWAT, unix.SO_PASSSEC, unix.SO_RCVTIMEO, unix.SO_SNDTIMEO}
	s.on(func(fd int) {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, options[random.IntN(len(options))], random.IntN(1<<random.IntN(20)))
		_, _, _ = unix.Recvfrom(fd, make([]byte, 16), now|unix.MSG_PEEK*random.IntN(2)) // steals a knock
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_NONBLOCK*random.IntN(2))
	})
}

// hangUp closes one direction of one socket, if at all.
func (s *stormer) hangUp(random *rand.Rand) {
	if random.IntN(1000) > 0 {
		_, _ = unix.Poll(nil, 0)
		return
	}
	s.on(func(fd int) {
		if random.IntN(3) == 0 {
			_ = unix.Shutdown(fd, random.IntN(3))
		}
	})
}

// seals tries to take memory away, of both segments, or to write the victim's.
func (s *stormer) seals(*rand.Rand) {
	s.besiege("its own segment", s.file, s.size)
	s.besiege("the victim's segment", s.seenFile, s.seenSize)
	for _, mapping := range [][]byte{s.own, s.seen} {
		for _, advice := range []int{unix.MADV_REMOVE, unix.MADV_DONTNEED, unix.MADV_FREE, unix.MADV_PAGEOUT, unix.MADV_COLD} {
			_ = unix.Madvise(mapping[:os.Getpagesize()], advice)
		}
	}
	if err := unix.Mprotect(s.seen, unix.PROT_READ|unix.PROT_WRITE); err == nil {
		s.breaks("the victim's segment", "made writable")
	}
	s.stillThere("the victim's segment", s.seenFile, s.seenSize)
	s.stillThere("its own segment", s.file, s.size)
}

// again opens both segments again through /proc, also by way of the victim, and
// besieges them there.
func (s *stormer) again(*rand.Rand) {
	paths := []string{fd(s.file), fd(s.seenFile)}
	for _, folder := range []string{"fd", "map_files"} {
		found, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(os.Getppid()), folder, "*"))
		for _, path := range found {
			if name, err := os.Readlink(path); err == nil && name == "/memfd:kith (deleted)" {
				paths = append(paths, path)
			}
		}
	}
	for _, path := range paths[:min(len(paths), 8)] {
		for _, flags := range reopenings(path) {
			file, err := os.OpenFile(path, flags, 0)
			if err != nil {
				continue // gone, or no right to
			}
			s.besiegeSealed(path, file)
			_ = file.Close()
		}
	}
}

// reopenings are the ways to open a segment again. One that the victim is just making
// has no seals yet: that it is safe then is another test's matter.
func reopenings(path string) []int {
	ways := []int{os.O_RDWR, os.O_WRONLY | os.O_APPEND}
	if strings.HasPrefix(path, "/proc/self/") {
		ways = append(ways, os.O_RDWR|os.O_TRUNC)
	}
	return ways
}

// besiegeSealed leaves alone what the victim is just making.
func (s *stormer) besiegeSealed(path string, file *os.File) {
	has, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0)
	info, failed := file.Stat()
	if err == nil && failed == nil && has&memory.WriterSeals == memory.WriterSeals {
		s.besiege(path, file, int(info.Size())-ring.ControlSize)
		s.stillThere(path, file, int(info.Size())-ring.ControlSize)
	}
}

func fd(file *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", file.Fd()) }

// besiege does to a segment all that its seals are to prevent, and what is of no harm.
func (s *stormer) besiege(name string, file *os.File, size int) {
	fd, all := int(file.Fd()), int64(ring.ControlSize+size)
	mapped, mapping := unix.Mmap(fd, 0, ring.ControlSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if mapping == nil {
		_ = unix.Munmap(mapped)
	}
	_, writing := unix.Pwrite(fd, []byte("x"), consumedAt)
	_, more := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
	for what, err := range map[string]error{
		"empty it":     unix.Ftruncate(fd, 0),
		"shorten it":   unix.Ftruncate(fd, ring.ControlSize),
		"lengthen it":  unix.Ftruncate(fd, 2*all),
		"append":       unix.Fallocate(fd, 0, all, ring.ControlSize),
		"punch a hole": unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, all),
		"collapse it":  unix.Fallocate(fd, unix.FALLOC_FL_COLLAPSE_RANGE, 0, ring.ControlSize),
		"insert":       unix.Fallocate(fd, unix.FALLOC_FL_INSERT_RANGE, 0, ring.ControlSize),
		"zero it":      unix.Fallocate(fd, unix.FALLOC_FL_ZERO_RANGE, 0, all),
		"map to write": mapping,
		"write":        writing,
		"another seal": more,
	} {
		if err == nil {
			s.breaks(name, what, "was let through")
		}
	}
	_ = unix.Fchmod(fd, 0)
	_ = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	_ = unix.Fadvise(fd, 0, all, unix.FADV_DONTNEED)
	_ = unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, all) // what is there is there
}

// stillThere makes sure that all pages of a segment are allocated.
func (s *stormer) stillThere(name string, file *os.File, size int) {
	info, err := file.Stat()
	if err != nil {
		return
	}
	all := int64(ring.ControlSize + size)
	if stat := info.Sys().(*syscall.Stat_t); stat.Size != all || stat.Blocks*512 < all {
		s.breaks(name, fmt.Sprintf("%d bytes in %d blocks, want %d", stat.Size, stat.Blocks, all))
	}
}
