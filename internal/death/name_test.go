package death_test

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"kith"
	"kith/internal/kithtest"
)

func path(addr string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(addr, "shm:"), "?")
	return name
}

func forget(addr string) error { return os.RemoveAll(path(addr)) }

// inherit takes over the name of a victim that listened; one that dialled leaves nothing.
func inherit(role, addr string) error {
	if role == listener {
		if err := takeOver(addr); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(path(addr)); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s was left behind: %w", path(addr), err)
	}
	return nil
}

// takeOver listens at an address at once, and meets somebody there.
func takeOver(addr string) error {
	ctx, cancel := bounded()
	defer cancel()
	l, err := kith.Listen(ctx, addr)
	if err != nil {
		return err
	}
	echo := kithtest.Go(func() error {
		conn, err := l.Accept(ctx)
		if err == nil {
			err = echo(conn)
		}
		return err
	})
	err = call(addr)
	return errors.Join(err, l.Close(), echo.Wait())
}

// call dials, and has one message echoed.
func call(addr string) error {
	ctx, cancel := bounded()
	defer cancel()
	conn, err := kith.Dial(ctx, addr)
	if err != nil {
		return err
	}
	err = send(ctx, conn, 0, 1, small)
	if err == nil {
		err = receive(ctx, conn, 0, 1, small)
	}
	return errors.Join(err, conn.Close())
}

// echo sends back what comes, until the goodbye.
func echo(conn *kith.Conn) error {
	ctx, cancel := bounded()
	defer cancel()
	for msg, err := range conn.Messages(ctx) {
		if err == nil {
			err = conn.Send(ctx, msg)
		}
		if err != nil {
			return errors.Join(err, conn.Close())
		}
	}
	return conn.Close()
}
