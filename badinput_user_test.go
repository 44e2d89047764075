package kith_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

const nobody = 65534

// actAsAnother, in a child of another user, dials or listens as it is told, and
// says how that ended.
func actAsAnother([]string) error {
	ctx := context.Background()
	for {
		verb, addr, _ := strings.Cut(kithtest.Hear(), " ")
		var err error
		if verb == "dial" {
			var conn *kith.Conn
			if conn, err = kith.Dial(ctx, addr); err == nil {
				err = conn.Close()
			}
		} else {
			var listener *kith.Listener
			if listener, err = kith.Listen(ctx, addr); err == nil {
				go serveAll(listener)
			}
		}
		kithtest.Say(verdict(err) + " " + fmt.Sprint(err))
	}
}

func verdict(err error) string {
	switch {
	case err == nil:
		return "allowed"
	case errors.Is(err, fs.ErrPermission):
		return "forbidden"
	case errors.Is(err, syscall.EADDRINUSE):
		return "taken"
	}
	return "failed"
}

// another is a process of another user.
func another(t *testing.T) *kithtest.Child {
	t.Helper()
	kithtest.NeedKernel(t, "root")
	child := kithtest.Command(t, "as another")
	child.Cmd.Dir = "/"
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return child.Start()
}

// tell has the other user do something, and wants the verdict and the address.
func tell(t *testing.T, child *kithtest.Child, verb, addr string, verdicts ...string) {
	t.Helper()
	if err := child.Say(verb + " " + addr); err != nil {
		t.Fatal(err)
	}
	heard, err := child.Hear()
	if err != nil {
		t.Fatal(err)
	}
	got, text, _ := strings.Cut(heard, " ")
	for _, want := range verdicts {
		if got == want {
			if got != "allowed" && !strings.Contains(text, where(addr)) {
				t.Errorf("%s %s: %q does not name the path", verb, addr, text)
			}
			return
		}
	}
	t.Errorf("%s %s: %s, want %v", verb, addr, heard, verdicts)
}

// Where everybody may make files, ours are still ours alone.
func TestAnotherUser(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket", "fifo"} {
		t.Run(scheme, func(t *testing.T) {
			child := another(t)
			directory := alone(t)
			if err := os.Chmod(directory, 0o777); err != nil {
				t.Fatal(err)
			}
			listener := serving(t, at(scheme, directory))
			untouched(t, directory, func() {
				tell(t, child, "dial", listener.Addr(), "forbidden")
				tell(t, child, "listen", listener.Addr(), "forbidden", "taken")
			})
			if err := dial(t, listener.Addr()); err != nil { // which moves the names of fifo:
				t.Errorf("its owner suffered: %v", err)
			}
			closed := filepath.Join(directory, "closed")
			if err := os.Mkdir(closed, 0o755); err != nil {
				t.Fatal(err)
			}
			untouched(t, directory, func() { tell(t, child, "listen", at(scheme, closed), "forbidden") })
		})
	}
}

// The mode was opened up, but the kernel tells who comes. Each is told why he
// may not, however fast the two are.
func TestAnotherUserAtAnOpenSocket(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket"} {
		t.Run(scheme, func(t *testing.T) {
			child := another(t)
			directory := alone(t)
			listener := serving(t, at(scheme, directory))
			if err := errors.Join(os.Chmod(directory, 0o777), os.Chmod(where(listener.Addr()), 0o666)); err != nil {
				t.Fatal(err)
			}
			for range 200 {
				if tell(t, child, "dial", listener.Addr(), "forbidden"); t.Failed() {
					return
				}
			}
			if err := dial(t, listener.Addr()); err != nil {
				t.Errorf("its owner suffered: %v", err)
			}
		})
	}
}

// A name that another user has taken is not joined.
func TestAnotherUserSquats(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket"} {
		t.Run(scheme, func(t *testing.T) {
			child := another(t)
			directory := alone(t)
			if err := os.Chmod(directory, 0o777); err != nil {
				t.Fatal(err)
			}
			addr := at(scheme, directory)
			tell(t, child, "listen", addr, "allowed")
			untouched(t, directory, func() {
				refuses(t, "dial", dial(t, addr), fs.ErrPermission, addr, "65534")
				refuses(t, "listen", listen(t, addr), syscall.EADDRINUSE, where(addr))
			})
		})
	}
}
