package kith_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"stay silent": staySilent}) }

// staySilent, in a child, listens, and takes nobody: the kernel connects them.
func staySilent(args []string) error {
	network := map[string]string{"shm": "unixpacket", "unix": "unix", "unixpacket": "unixpacket", "tcp": "tcp"}[args[0]]
	listener, err := net.Listen(network, args[1])
	if err != nil {
		return err
	}
	kithtest.Say(args[0] + ":" + listener.Addr().String())
	kithtest.Hear()
	return listener.Close()
}

// A peer that is there and says no hello is given up after the 10 seconds that the
// documentation names, and the error says so. They pass once, for all of them.
func TestSilence(t *testing.T) {
	calls := map[string]*kithtest.Call{}
	for _, scheme := range []string{"shm", "unix", "unixpacket", "tcp"} {
		child := kithtest.Command(t, "stay silent", scheme, where(at(scheme, alone(t)))).Start()
		addr, err := child.Hear()
		if err != nil {
			t.Fatal(err)
		}
		calls[addr] = kithtest.Go(func() error { return dial(t, addr) })
	}
	for _, addr := range []string{"fd:?via=socket", "fd:?via=shm"} {
		calls[addr] = kithtest.Go(func() error {
			_, err := kith.StartAt(t.Context(), exec.Command("sleep", "100"), addr)
			return err
		})
	}
	for addr, call := range calls {
		err := call.Wait()
		refuses(t, "silence", err, kith.ErrProtocol, where(addr), "10s")
		opError, ok := errors.AsType[*kith.OpError](err)
		if !errors.Is(err, os.ErrDeadlineExceeded) || !ok || !opError.Timeout() {
			t.Errorf("%s: %v is no timeout", addr, err)
		}
	}
}
