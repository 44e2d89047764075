package fifo

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Splice moves at most n bytes from one file to another, one of which is a pipe or
// a FIFO, and does not copy them: the pages change hands within the kernel
// (splice(2)). So data goes from a socket or a file through a pipe to another without
// ever being in this process, where reading and writing would copy it twice. It
// waits, parked, until ctx ends, for data and for room, and returns how many
// bytes it moved: at least one, or io.EOF, or an error with nothing moved.
//
// A regular file is read, or written, at its offset. The pages stay the file's: what is
// written there before they are read from the pipe shows.
//
// The call takes the read deadline of the one end and the write deadline of the other
// for its own, and takes back what was set there: no other call may wait on the same
// side meanwhile.
//
// Errors: io.EOF, as it is; the cause of ctx's end; os.ErrClosed; EPIPE where nobody
// reads; EINVAL where neither is a pipe, or both are the same one, or the file is open
// to append or cannot be spliced; EBADF where one is not open for that; os.ErrNoDeadline
// where one has to be waited for that Go's poller does not have (see Inherit). They come
// in an *os.SyscallError.
func Splice(ctx context.Context, from, to End, n int) (int, error) {
	if n <= 0 {
		return none("splice", n)
	}
	t := &transfer{"splice", from, to, func(in, out int) (int, error) {
		moved, err := unix.Splice(in, nil, out, nil, n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		return int(moved), err
	}}
	return t.run(ctx)
}

// Tee copies at most n bytes from one pipe or FIFO into another, and leaves them
// where they are (tee(2)): both then share the pages, and nothing was copied. The
// next Tee gives the same bytes again, and those behind them only when these were
// read. It waits, and fails, as Splice does; EINVAL where one is no pipe, or both are
// the same.
func Tee(ctx context.Context, from, to *os.File, n int) (int, error) {
	if n <= 0 {
		return none("tee", n)
	}
	t := &transfer{"tee", from, to, func(in, out int) (int, error) {
		moved, err := unix.Tee(in, out, n, unix.SPLICE_F_NONBLOCK)
		return int(moved), err
	}}
	return t.run(ctx)
}

// Vmsplice puts memory into a pipe or a FIFO without copying it: the reader reads the
// pages themselves (vmsplice(2)), and a Splice from the pipe passes them on. It waits
// for room, parked, until ctx ends, and returns how many bytes are in: all, or there
// is an error.
//
// What is changed in the memory shows on the other side, until the last byte was
// read there, or in the pipe, socket or file to which it was spliced on: nobody tells
// when. So give memory that is not written again while it exists, and not of Go's
// heap, where the garbage collector would give it to others: a mapping, filled once,
// and unmapped (unix.Munmap) when Vmsplice has returned. The pages live on until they
// are read. Memory of whole pages fills a page of the pipe with each; other memory
// takes one more.
//
// Errors, in an *os.SyscallError: the cause of ctx's end; os.ErrClosed; EPIPE; EBADF
// where the file is no pipe, or not open for writing; EFAULT for memory that cannot be
// read; os.ErrNoDeadline, as for Splice.
func Vmsplice(ctx context.Context, to *os.File, memory []byte) (n int, err error) {
	if err := sys.Control(to, openForWriting); err != nil { // or it would write to the memory
		return 0, os.NewSyscallError("vmsplice", err)
	}
	t := &transfer{"vmsplice", nil, to, func(_, out int) (int, error) {
		return vmsplice(out, memory[n:])
	}}
	for n < len(memory) && err == nil {
		var some int
		some, err = t.run(ctx)
		n += some
	}
	return n, err
}

func vmsplice(fd int, memory []byte) (int, error) {
	iovec := []unix.Iovec{{Base: &memory[0]}}
	iovec[0].SetLen(len(memory))
	return unix.Vmsplice(fd, iovec, unix.SPLICE_F_NONBLOCK)
}

// none is for a transfer of nothing.
func none(call string, n int) (int, error) {
	if n < 0 {
		return 0, os.NewSyscallError(call, unix.EINVAL)
	}
	return 0, nil
}
