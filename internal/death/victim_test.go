package death_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

// victim, in a child, makes its side of a connection, prepares, and acts between two
// marks, in a thread of its own.
func victim(args []string) error {
	number, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	o := &operations[number]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, err := meet(ctx, args[1], args[2])
	if err != nil {
		return err
	}
	kithtest.Hear()
	if err := o.prepare(ctx, conn); err != nil {
		return err
	}
	perform(func() error { return o.act(ctx, conn) })
	return conn.Close()
}

// perform acts between two marks, when it is told to.
func perform(act func() error) {
	runtime.LockOSThread()
	kithtest.Say(strconv.Itoa(unix.Gettid()))
	kithtest.Hear()
	runtime.Breakpoint()
	err := act()
	runtime.Breakpoint()
	kithtest.Say(fmt.Sprint("acted ", err))
	kithtest.Hear()
}

func meet(ctx context.Context, role, addr string) (*kith.Conn, error) {
	if role == dialer {
		return kith.Dial(ctx, addr)
	}
	l, err := kith.Listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	kithtest.Say("listening")
	return l.Accept(ctx) // it goes on listening until it dies
}
