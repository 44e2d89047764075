//go:build 386 || mips || mipsle || ppc

package sys

import "golang.org/x/sys/unix"

const semtimedop = unix.SYS_SEMTIMEDOP_TIME64
