package death_test

import (
	"context"

	"kith"
	"kith/internal/kithtest"
)

// What the victims of the meetings do, in a child.

func meetingDial(args []string) error {
	perform(func() error {
		_, err := kith.Dial(context.Background(), args[0])
		return err
	})
	return nil
}

func meetingListen(args []string) error {
	perform(func() error {
		_, err := kith.Listen(context.Background(), args[0])
		return err
	})
	return nil
}

func meetingAccept(args []string) error {
	return listening(args[0], func(l *kith.Listener) error {
		_, err := l.Accept(context.Background())
		return err
	})
}

func meetingUnlisten(args []string) error {
	return listening(args[0], (*kith.Listener).Close)
}

func listening(addr string, act func(*kith.Listener) error) error {
	l, err := kith.Listen(context.Background(), addr)
	if err != nil {
		return err
	}
	kithtest.Say("listening")
	perform(func() error { return act(l) })
	return nil
}
