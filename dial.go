package kith

import (
	"context"

	"kith/driver"
	"kith/transport"
)

// Dial meets the one who listens at the address, and returns when both have
// agreed on a version; nobody need have called Accept. It does not wait for a
// listener to appear. One that is there has 10 seconds to say its hello, or less
// if ctx ends before.
//
// The one who listens has to be of the same user, or admitted by AllowUsers or
// AllowGroups, before anything is shared with it: anybody may take a name first.
//
// Errors: ErrAddress, ErrNoListener (also where the listener closed, or died,
// before it had answered), fs.ErrPermission (we may not connect, it does not admit us,
// or we do not admit it), ErrVersion, ErrProtocol (who listens
// there does not speak kith; one that said no hello in time matches
// os.ErrDeadlineExceeded too), the context's cause.
func Dial(ctx context.Context, addr string, opts ...Option) (*Conn, error) {
	conn, at, err := meet(ctx, addr, opts, driver.Transport.Dial)
	if err != nil {
		return nil, &OpError{Op: "dial", Addr: at, Err: err}
	}
	return newConn(conn), nil
}

// Listen makes the address and waits there for those who dial it. The name of
// a listener that died is taken over; one that lives is EADDRINUSE. Unless options or
// keys of the address say otherwise, the same user alone can dial.
//
// Errors: ErrAddress, EADDRINUSE, fs.ErrPermission.
func Listen(ctx context.Context, addr string, opts ...Option) (*Listener, error) {
	listener, at, err := meet(ctx, addr, opts, driver.Transport.Listen)
	if err != nil {
		return nil, &OpError{Op: "listen", Addr: at, Err: err}
	}
	return &Listener{listener}, nil
}

// meet parses the address, adds the options, resolves it and hands it to the method of its
// transport. It also returns the address as far as it is known.
func meet[T any](ctx context.Context, addr string, opts []Option, method func(driver.Transport, context.Context, driver.Address) (T, error)) (met T, at string, err error) {
	if err := cause(ctx); err != nil {
		return met, addr, err
	}
	a, err := driver.ParseAddress(addr)
	if err != nil {
		return met, addr, err
	}
	if err := apply(&a, opts); err != nil {
		return met, addr, err
	}
	t, err := driver.Lookup(a.Scheme)
	if err != nil {
		return met, addr, err
	}
	if a, err = t.Resolve(a); err != nil {
		return met, addr, err
	}
	met, err = method(t, ctx, a)
	return met, a.String(), err
}

func init() {
	for _, t := range transport.Local {
		driver.Register(t)
	}
}
