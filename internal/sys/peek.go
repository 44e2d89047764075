package sys

import "golang.org/x/sys/unix"

// PeekPipe asks a pipe's read end, which does not block, what a read would find,
// and takes nothing: EFAULT for data, EAGAIN for a writer and no data, nil for
// neither. It reads one byte to the address 0, where no Go program has memory: the
// kernel looks for data and for writers first, and copies then (pipe(7)).
func PeekPipe(fd int) error {
	_, _, errno := unix.Syscall(unix.SYS_READ, uintptr(fd), 0, 1)
	return failed(errno)
}
