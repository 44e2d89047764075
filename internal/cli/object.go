package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/object"
	"kith/ipc"
)

// plainExitHelp is exitHelp for the commands that have no peer.
const plainExitHelp = `Exit status: 0 done, 1 failed, 2 wrong usage or address, 129, 130 or 143
interrupted by SIGHUP, SIGINT (Ctrl-C) or SIGTERM.`

// objectExitHelp is that for those that may have to wait.
const objectExitHelp = `Exit status: 0 done, 1 failed, 2 wrong usage or address, 124 not within the
--timeout, 129, 130 or 143 interrupted by SIGHUP, SIGINT (Ctrl-C) or SIGTERM.`

// objectAt is the object at an address, where it is of a kind that the command is
// for.
func objectAt[T object.Object](address, want string) (T, error) {
	var none T
	o, err := object.At(address)
	if err != nil {
		return none, fmt.Errorf("%s: %w", address, err)
	}
	if special, is := o.(T); is {
		return special, nil
	}
	return none, fmt.Errorf("%s: %w: want %s", address, kith.ErrAddress, want)
}

// objectsAt are several of any kind. A bad address among them is found before
// anything is done with the others.
func objectsAt(addresses []string) (objects []object.Object, err error) {
	for _, address := range addresses {
		o, err := objectAt[object.Object](address, "")
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// about names the object in an error, and says what to do next.
func about(o object.Object, err error) error {
	if err == nil {
		return nil
	}
	_, limit := errors.AsType[*ipc.LimitError](err)
	next := ""
	switch {
	case limit || errors.Is(err, kith.ErrAddress):
	case errors.Is(err, fs.ErrExist):
		next = fmt.Sprintf("; `kith stat '%s'` shows it; remove it by `kith rm`, or choose another name", o.Address())
	case errors.Is(err, fs.ErrNotExist):
		next = "; `kith mk` makes one"
	case unidentified(err):
		next = "; no object has this identifier: `ipcs` lists those there are"
	case errors.Is(err, unix.EPERM):
		next = "; its owner, its creator and root may"
	case errors.Is(err, unix.EACCES):
		next = "; whom it lets do so is up to its owner, its mode, and root"
	case errors.Is(err, object.ErrNoReader):
		next = "; root sees all processes, and a reader of your own takes what is in it"
	}
	return fmt.Errorf("%w%s", named(o, err), next)
}

// named names the object in an error.
func named(o object.Object, err error) error { return fmt.Errorf("%s: %w", o.Address(), err) }

// gone is an object that is not there.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EIDRM) || unidentified(err)
}

// unidentified is what System V says of an identifier that no object has.
func unidentified(err error) bool {
	_, unnamed := errors.AsType[*os.SyscallError](err)
	return unnamed && errors.Is(err, unix.EINVAL)
}

// oneAddress checks that the argument is ADDR.
func oneAddress(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want ADDR, got %d arguments", len(args))
	}
	return nil
}

// someAddresses checks that the arguments are ADDR...
func someAddresses(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("want ADDR, got 0 arguments")
	}
	return nil
}
