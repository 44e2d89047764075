//go:build !386 && !mips && !mipsle && !ppc

package sys

import "golang.org/x/sys/unix"

// semtimedop is there on every machine; semop(2) itself is not.
const semtimedop = unix.SYS_SEMTIMEDOP
