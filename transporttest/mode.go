package transporttest

import (
	"context"
	"strings"

	"kith"
	"kith/driver"
	"kith/internal/kithtest"
)

// A mode is a way to play a case: where far is, and how the two are joined.
type mode struct {
	name      string
	processes bool
	pairs     bool // plays the cases that are given a Conn
	meetings  bool // plays those whose sides meet themselves
	// join makes near's Conn with a far that start starts; far makes its own.
	join func(ctx context.Context, address string, start starter) (*kith.Conn, other, error)
	// attach is far's part. In a meeting both are nil.
	attach func(ctx context.Context, address string, near other) (*kith.Conn, error)
}

// A starter starts far, and tells it where near listens, if it does. Where
// launch is not nil, it starts the process.
type starter func(listening string, launch func(*kithtest.Child) error) (other, error)

var modes = []mode{
	{name: "far-dials", processes: true, pairs: true, join: listenAndStart, attach: dialNear},
	{name: "far-listens", processes: true, pairs: true, join: startAndDial, attach: listenForNear},
	{name: "meeting", processes: true, meetings: true},
	{name: "inside", pairs: true, join: listenAndStart, attach: dialNear},
	{name: "meeting-inside", meetings: true},
	{name: "child", processes: true, pairs: true, join: startChild, attach: joinParent},
}

// modesOf are the modes in which the battery plays: without a name there is
// only the parent and its child.
func modesOf(traits driver.Traits) []mode {
	last := len(modes) - 1
	if traits.Named {
		return modes[:last]
	}
	return modes[last:]
}

func modeNamed(name string) mode {
	for _, m := range modes {
		if m.name == name {
			return m
		}
	}
	return mode{}
}

func (m mode) plays(c testCase) bool {
	return (m.meetings && c.meets || m.pairs && !c.meets) && (m.processes || !c.kills)
}

// listenAndStart listens, and stops listening as soon as far is there: what
// follows shows that accepted connections go on.
func listenAndStart(ctx context.Context, address string, start starter) (*kith.Conn, other, error) {
	listener, err := kith.Listen(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	far, err := start(listener.Addr(), nil)
	if err != nil {
		_ = listener.Close()
		return nil, nil, err
	}
	conn, err := accept(ctx, listener)
	return conn, far, err
}

func accept(ctx context.Context, listener *kith.Listener) (*kith.Conn, error) {
	conn, err := listener.Accept(ctx)
	if closing := listener.Close(); err == nil {
		err = closing
	}
	return conn, err
}

func dialNear(ctx context.Context, address string, _ other) (*kith.Conn, error) {
	return kith.Dial(ctx, address)
}

func startAndDial(ctx context.Context, address string, start starter) (*kith.Conn, other, error) {
	far, err := start("", nil)
	if err != nil {
		return nil, nil, err
	}
	resolved, err := far.Hear()
	if err != nil {
		return nil, far, err
	}
	conn, err := kith.Dial(ctx, renamed(address, resolved))
	return conn, far, err
}

func listenForNear(ctx context.Context, address string, near other) (*kith.Conn, error) {
	listener, err := kith.Listen(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := near.Say(listener.Addr()); err != nil {
		return nil, err
	}
	return accept(ctx, listener)
}

func startChild(ctx context.Context, address string, start starter) (conn *kith.Conn, far other, err error) {
	far, err = start("", func(child *kithtest.Child) error {
		conn, err = kith.StartAt(ctx, child.Cmd, address)
		return err
	})
	return conn, far, err
}

func joinParent(ctx context.Context, _ string, _ other) (*kith.Conn, error) {
	return kith.Parent(ctx)
}

// renamed is an address whose name is that of another, its keys its own.
func renamed(address, other string) string {
	_, keys, _ := strings.Cut(address, "?")
	name, _, _ := strings.Cut(other, "?")
	return addKeys(name, keys)
}

// addKeys adds keys to an address.
func addKeys(address, keys string) string {
	switch {
	case keys == "":
		return address
	case strings.Contains(address, "?"):
		return address + "&" + keys
	}
	return address + "?" + keys
}
