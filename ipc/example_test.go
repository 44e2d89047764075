package ipc_test

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"kith/ipc"
)

// Two programs that agree on a file find the same System V object.
func ExampleFtok() {
	ours, err := ipc.Ftok("/", 'K')
	if err != nil {
		fmt.Println(err)
		return
	}
	theirs, _ := ipc.Ftok("/", 'K')
	fmt.Println(ours == theirs, ipc.Key(42))
	// Output: true 0x0000002a
}

// A limit of the machine is an error that says which, and where to raise it.
func ExampleLimitError() {
	var err error = &ipc.LimitError{Limit: "msg_max", Max: 10, Raise: "/proc/sys/fs/mqueue/msg_max", Err: unix.EINVAL}
	if limit, found := errors.AsType[*ipc.LimitError](err); found {
		fmt.Println(limit.Limit, limit.Max, errors.Is(err, unix.EINVAL))
	}
	// Output: msg_max 10 true
}
