package lock

import "golang.org/x/sys/unix"

// A Kind is one of the kernel's kinds of file locks; see the package's table.
type Kind int

// The zero Kind is OFD, the one to choose.
const (
	OFD   Kind = iota // fcntl(2) with F_OFD_SETLK: on bytes, of the open file
	POSIX             // fcntl(2) with F_SETLK, and lockf(3): on bytes, of the process
	Flock             // flock(2): on the whole file, of the open file
)

func (k Kind) String() string {
	switch k {
	case OFD:
		return "OFD"
	case POSIX:
		return "POSIX"
	case Flock:
		return "flock"
	}
	return "no kind of lock"
}

// A Mode is who may hold locks on the same bytes at once.
type Mode int32

// The modes. There is no zero Mode: nobody is to share by oversight.
const (
	Shared    Mode = iota + 1 // others may, if theirs are shared too: for readers
	Exclusive                 // nobody else: for a writer
)

func (m Mode) String() string {
	switch m {
	case Shared:
		return "shared"
	case Exclusive:
		return "exclusive"
	}
	return "no mode"
}

// A Range is the bytes that a record lock covers. They need not exist. Flock has
// no ranges but Whole.
type Range struct {
	Start  int64 // from the beginning of the file
	Length int64 // 0: to the end of the file, however far it grows. Negative: so many bytes before Start
}

// Whole is all bytes of a file.
var Whole = Range{}

// check refuses what the kernel would take for something else.
func check(kind Kind, mode Mode, span Range) error {
	switch {
	case mode != Shared && mode != Exclusive:
	case kind < OFD || kind > Flock:
	case kind == Flock && span != Whole:
	default:
		return nil
	}
	return unix.EINVAL
}
