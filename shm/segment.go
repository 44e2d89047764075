package shm

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Kind is what sort of object a segment's memory is; see the package's table.
type Kind int

// The kinds.
const (
	KindSysV Kind = iota + 1
	KindPOSIX
	KindMemfd
	KindFile
)

func (k Kind) String() string {
	switch k {
	case KindSysV:
		return "SysV"
	case KindPOSIX:
		return "POSIX"
	case KindMemfd:
		return "memfd"
	case KindFile:
		return "file"
	}
	return "no kind of segment"
}

// An Access is what a segment is opened for.
type Access int

// The accesses. There is no zero Access: nobody is to write by oversight.
const (
	ReadOnly Access = iota + 1
	ReadWrite
)

func (a Access) String() string {
	switch a {
	case ReadOnly:
		return "read-only"
	case ReadWrite:
		return "read-write"
	}
	return "no access"
}

// A Segment is memory shared with other processes, mapped into this one. Any
// number of goroutines may use it at once.
type Segment struct {
	kind   Kind
	access Access
	name   string   // the path, or ""
	file   *os.File // nil: of System V
	id     ID       // of System V

	mapping []byte // whole pages
	start   int    // in the mapping
	memory  []byte // what was asked for, from there on
	gate    gate
}

// Kind is what sort of object the memory is.
func (s *Segment) Kind() Kind { return s.kind }

// Access is what the segment was opened for.
func (s *Segment) Access() Access { return s.access }

// Size is how many bytes are mapped. It never changes, whatever becomes of the
// object: Stat has its size now.
func (s *Segment) Size() int64 { return int64(len(s.memory)) }

// File is the descriptor behind the segment, to be passed to a peer or locked;
// nil for System V. It is the segment's: valid until Close, and not to be
// closed.
func (s *Segment) File() *os.File { return s.file }

// ID is the identifier of a System V segment, by which others can attach it
// too; -1 for the other kinds.
func (s *Segment) ID() ID {
	if s.kind == KindSysV {
		return s.id
	}
	return -1
}

// Name is the path of a POSIX segment or a file, as it was opened; "" for those
// that have none.
func (s *Segment) Name() string { return s.name }

// Close gives the memory up: at once where nobody uses it, else when the last
// copy in flight and the last View are done. It waits for nobody. Every later
// call fails with os.ErrClosed. What is in the memory stays there, and names
// are not removed; see Remove.
func (s *Segment) Close() error {
	if !s.gate.close() {
		return s.failed("close", os.ErrClosed)
	}
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Sync waits until what was written to a file's memory has reached its disk
// (msync(2)), and fails as the disk does (EIO). Memory of the other kinds is on
// none: then there is nothing to wait for.
func (s *Segment) Sync() error {
	if !s.gate.enter() {
		return s.failed("msync", os.ErrClosed)
	}
	defer s.gate.leave()
	if s.kind != KindFile {
		return nil
	}
	return s.failed("msync", unix.Msync(s.mapping, unix.MS_SYNC))
}

// failed names what an error is about.
func (s *Segment) failed(op string, err error) error { return failed(op, s.name, err) }

func failed(op, name string, err error) error {
	if err == nil || name == "" {
		return os.NewSyscallError(op, err)
	}
	return &os.PathError{Op: op, Path: name, Err: err}
}

// mapped maps length bytes of the file, which is the segment's from here on.
func mapped(file *os.File, name string, kind Kind, offset, length int64, access Access) (*Segment, error) {
	s := &Segment{kind: kind, access: access, name: name, file: file}
	err := sys.Control(file, func(fd int) (err error) {
		s.mapping, s.start, err = sys.MapFile(fd, offset, int(length), pageSize(fd), access == ReadWrite)
		return err
	})
	if err != nil {
		_ = file.Close()
		return nil, failed("mmap", name, mapLimit(err, length, file))
	}
	s.memory = s.mapping[s.start:][:length:length]
	s.gate.end = func() { _ = sys.Unmap(s.mapping) } // of a mapping that is ours: cannot fail
	return s, nil
}

// pageSize is that of the file's memory: huge pages are mapped whole.
func pageSize(fd int) int {
	var system unix.Statfs_t
	if unix.Fstatfs(fd, &system) == nil && isHuge(system) {
		return int(system.Bsize)
	}
	return os.Getpagesize()
}

func isHuge(system unix.Statfs_t) bool { return uint32(wide(system.Type)) == unix.HUGETLBFS_MAGIC }

// A SizeError is an object that is smaller than what was asked of it, or a size
// that nothing can have. It matches EINVAL.
type SizeError struct {
	Size, Want int64 // in bytes: what it has, and what was asked for
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%d bytes where %d are wanted", e.Size, e.Want)
}

// Unwrap is EINVAL, as shmget(2) has it.
func (e *SizeError) Unwrap() error { return unix.EINVAL }

// possible refuses a size or an access that nothing can have.
func possible(size int64, access Access) error {
	if size <= 0 || int64(int(size)) != size {
		return &SizeError{Want: size}
	}
	if access != ReadOnly && access != ReadWrite {
		return unix.EINVAL
	}
	return nil
}
