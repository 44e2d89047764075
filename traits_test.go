package kith_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"kith"
	"kith/driver"
	"kith/internal/kithtest"
	"kith/transport"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{
		"keep unread": keepUnread,
		"leave word":  leaveWord,
		"greet":       greetParent,
	})
}

// eachNamed runs a test for every transport that has names.
func eachNamed(t *testing.T, test func(t *testing.T, traits driver.Traits)) {
	for _, one := range transport.Local {
		if traits := one.Traits(); traits.Named {
			t.Run(traits.Scheme, func(t *testing.T) { test(t, traits) })
		}
	}
}

// The words of a table that people choose by.
func TestTraitsAreDeclared(t *testing.T) {
	for _, one := range transport.Local {
		traits := one.Traits()
		for what, says := range map[string]string{"Summary": traits.Summary, "Access": traits.Access, "Races": traits.Races} {
			if len(strings.Fields(says)) < 2 {
				t.Errorf("%s: declares %q as its %s", traits.Scheme, says, what)
			}
		}
		if registered, err := driver.Lookup(traits.Scheme); err != nil || registered.Traits() != traits {
			t.Errorf("%s: is not what is registered: %v", traits.Scheme, err)
		}
	}
}

// checksUser reports whether the declared access is that of one user: a mode, or
// what the kernel says of the peer.
func checksUser(traits driver.Traits) bool {
	return strings.Contains(traits.Access, "mode") || strings.Contains(traits.Access, "uid")
}

// Who gets in is who is said to: where a mode or the uid counts, another user does
// not, in a directory that is open to him; where nothing does, he does.
func TestAccessAsDeclared(t *testing.T) {
	eachNamed(t, func(t *testing.T, traits driver.Traits) {
		if !checksUser(traits) && !strings.HasPrefix(traits.Access, "none") {
			t.Fatalf("no test knows what %q means", traits.Access)
		}
		child := another(t)
		directory := alone(t)
		if err := os.Chmod(directory, 0o777); err != nil {
			t.Fatal(err)
		}
		addr := serving(t, at(traits.Scheme, directory)).Addr()
		if !checksUser(traits) {
			tell(t, child, "dial", addr, "allowed")
			return
		}
		tell(t, child, "dial", addr, "forbidden")
		if strings.Contains(traits.Access, "uid") { // whatever the mode says
			if err := os.Chmod(where(addr), 0o666); err != nil {
				t.Fatal(err)
			}
			tell(t, child, "dial", addr, "forbidden")
		}
	})
}

// greetParent, in a child, joins its parent and says who it is.
func greetParent([]string) error {
	ctx := context.Background()
	conn, err := kith.Parent(ctx)
	if err != nil {
		return err
	}
	uid := "another user"
	if os.Geteuid() != nobody {
		uid = "the same user"
	}
	return errors.Join(conn.Send(ctx, []byte(uid)), conn.Close())
}

// fd: lets in who inherits the descriptor, whoever it is.
func TestAccessByInheritance(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	for _, addr := range []string{"fd:?via=socket", "fd:?via=shm"} {
		t.Run(addr, func(t *testing.T) {
			child := kithtest.Command(t, "greet")
			child.Cmd.Dir = "/"
			child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			conn, err := kith.StartAt(t.Context(), child.Cmd, addr)
			if err != nil {
				t.Fatal(err)
			}
			if msg, err := conn.Receive(t.Context()); string(msg) != "another user" || err != nil {
				t.Errorf("%q, %v", msg, err)
			}
			if err := errors.Join(conn.Close(), child.Wait()); err != nil {
				t.Error(err)
			}
		})
	}
}

// keepUnread, in a child, listens, accepts one, and receives nothing.
func keepUnread(args []string) error {
	listener, err := kith.Listen(context.Background(), args[0])
	if err != nil {
		return err
	}
	kithtest.Say(listener.Addr())
	if _, err := listener.Accept(context.Background()); err != nil {
		return err
	}
	kithtest.Say("accepted")
	kithtest.Hear()
	return nil
}

// leaveWord, in a child, sends a message, and goes no further.
func leaveWord(args []string) error {
	conn, err := kith.Dial(context.Background(), args[0])
	if err != nil {
		return err
	}
	if err := conn.Send(context.Background(), []byte("left behind")); err != nil {
		return err
	}
	kithtest.Say("sent")
	kithtest.Hear()
	return nil
}

// What was sent outlives both processes, killed, where that is declared, and only
// there: the next two who meet at the name start anew.
func TestSurvivesAsDeclared(t *testing.T) {
	eachNamed(t, func(t *testing.T, traits driver.Traits) {
		directory := alone(t)
		listens := kithtest.Command(t, "keep unread", at(traits.Scheme, directory)).Start()
		addr, err := listens.Hear()
		if err != nil {
			t.Fatal(err)
		}
		dials := kithtest.Command(t, "leave word", addr).Start()
		for child, want := range map[*kithtest.Child]string{listens: "accepted", dials: "sent"} {
			if heard, err := child.Hear(); heard != want {
				t.Fatal(heard, err)
			}
		}
		listens.Kill()
		dials.Kill()
		got := firstWord(t, addr)
		if survived := got == "left behind"; survived != traits.Survives || !survived && got != "fresh" {
			t.Errorf("after both had died, the name gave %q; Survives is declared %v", got, traits.Survives)
		}
		if left := tree(t, directory)[1:]; len(left) > 0 && !traits.Survives {
			t.Errorf("left behind: %q", left)
		}
	})
}

// firstWord is what comes first out of the name when it is listened at again, and
// somebody sends "fresh".
func firstWord(t *testing.T, addr string) string {
	t.Helper()
	listener, err := kith.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	sending := kithtest.Go(func() error {
		conn, err := kith.Dial(t.Context(), addr)
		if err != nil {
			return err
		}
		return errors.Join(conn.Send(t.Context(), []byte("fresh")), conn.Close())
	})
	conn, err := listener.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := conn.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after it: %v, want EOF", err)
	}
	if err := errors.Join(conn.Close(), sending.Wait()); err != nil {
		t.Error(err)
	}
	return string(msg)
}
