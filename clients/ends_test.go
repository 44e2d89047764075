package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"go side": goSide}) }

const closed, died = "the peer closed the connection", "the peer died"

// C closes: what it had sent is received, and then the end. So it is where it
// only says goodbye.
func TestPeerCloses(t *testing.T) {
	binary := compile(t)
	for _, role := range roles {
		for _, verb := range []string{"goodbye", "close"} {
			c, conn := meet(t, binary, role, settings{4096, 4096, 0}, "")
			c.do("ok", "send 3 100")
			c.do("ok", "%s", verb)
			check(t, receive(t, conn, 3, 100))
			for range 2 {
				if _, err := conn.Receive(t.Context()); !errors.Is(err, io.EOF) {
					t.Errorf("%s, %s: %v", role, verb, err)
				}
			}
			if verb == "goodbye" {
				c.order("receive 3 100")
				check(t, send(t, conn, 3, 100))
				c.hears("ok")
			} else if err := send(t, conn, 2, 100); !errors.Is(err, unix.EPIPE) {
				t.Errorf("%s: a message to who has closed: %v", role, err)
			}
		}
	}
}

// C is killed: what it had sent whole is received, and then its death.
func TestPeerDies(t *testing.T) {
	binary := compile(t)
	for _, role := range roles {
		for _, last := range []string{"send 0 0", "half 0"} {
			c, conn := meet(t, binary, role, settings{4096, 1 << 20, 0}, "")
			c.do("ok", "send 3 100")
			c.do("ok", "%s", last)
			c.Kill()
			check(t, receive(t, conn, 3, 100))
			for range 2 {
				if _, err := conn.Receive(t.Context()); !errors.Is(err, kith.ErrPeerDied) {
					t.Errorf("%s, %s: %v", role, last, err)
				}
			}
		}
	}
}

// A message that was cut off stays cut off: nothing is sent after its pieces, and no
// goodbye, which would make it look whole.
func TestCutOff(t *testing.T) {
	c, conn := meet(t, compile(t), "dial", settings{4096, 1 << 20, 0}, "")
	c.do("ok", "send 1 100")
	c.do("ok", "half 0")
	for range 2 { // the first must not make the second forget
		c.do("Broken pipe", "send 1 100")
	}
	c.do("Broken pipe", "place 1 100")
	c.do("ok", "close")
	check(t, receive(t, conn, 1, 100))
	if _, err := conn.Receive(t.Context()); !errors.Is(err, kith.ErrPeerDied) {
		t.Error(err)
	}
}

// Without a path there is nobody: the kernel would make up a name for the listener.
func TestNoPath(t *testing.T) {
	binary := compile(t)
	for _, role := range roles {
		c := peer{kithtest.Peer(t, exec.Command(binary, settings{4096, 4096, 0}.args(role, "")...)).Start(), t}
		c.hears("Invalid argument")
	}
}

// Whoever waits while the other is killed learns of it: for data and for room, in
// Go and in C.
func TestPeerDiesUnderWaiter(t *testing.T) {
	binary := compile(t)
	for _, role := range roles {
		c, conn := meet(t, binary, role, settings{4096, 4096, -1}, "?ring=4k")
		receiving := kithtest.Go(func() error { _, err := conn.Receive(t.Context()); return err })
		sending := kithtest.Go(func() error { return send(t, conn, 100, 1000) })
		check(t, kithtest.Parked(receiving, sending))
		c.Kill()
		if err := receiving.Wait(); !errors.Is(err, kith.ErrPeerDied) {
			t.Errorf("Receive: %v", err)
		}
		if err := sending.Wait(); !errors.Is(err, unix.EPIPE) {
			t.Errorf("Send: %v", err)
		}
	}
}

// goSide is a Go process at the other end of the C one: it does what it is told.
func goSide(args []string) error {
	ctx, role, path := context.Background(), args[0], args[1]
	var conn *kith.Conn
	l, err := kith.Listen(ctx, "shm:"+path+"?ring=4k")
	if err != nil {
		return err
	}
	kithtest.Say("listening " + role)
	if conn, err = l.Accept(ctx); err != nil {
		return err
	}
	for {
		switch verb := kithtest.Hear(); verb {
		case "send":
			err = conn.Send(ctx, message(0, 100))
		case "goodbye":
			err = conn.CloseSend()
		case "close":
			err = conn.Close()
		default:
			return fmt.Errorf("%q", verb)
		}
		if err != nil {
			return err
		}
		kithtest.Say("ok")
	}
}

// C learns of Go's end, and of its death, whether it waits already or not.
func TestGoEnds(t *testing.T) {
	binary := compile(t)
	for _, spin := range []int{0, -1} {
		for end, want := range map[string]string{"goodbye": closed, "close": closed, "kill": died} {
			t.Run(fmt.Sprint(end, spin), func(t *testing.T) {
				c, g := meetChild(t, binary, spin)
				g.do("ok", "send")
				c.order("receive 1 100") // and then it waits, or does not yet
				c.hears("ok")
				c.order("receive 1 100")
				if end == "kill" {
					g.Kill()
				} else {
					g.do("ok", "%s", end)
				}
				c.hears(want)
				c.do(want, "receive 1 100") // for ever
				switch end {
				case "close":
					c.do("Broken pipe", "send 1 100")
				case "kill":
					c.do(died, "send 100 1000")
				default:
					c.do("ok", "send 1 100")
				}
			})
		}
	}
}

// A C sender that waits for room learns of the death, and of an end.
func TestGoEndsUnderSender(t *testing.T) {
	binary := compile(t)
	for end, want := range map[string]string{"close": "Broken pipe", "kill": died} {
		c, g := meetChild(t, binary, -1)
		c.order("flood 100 1000")
		c.hears("parked")
		if end == "kill" {
			g.Kill()
		} else {
			g.do("ok", "%s", end)
		}
		c.hears(want)
	}
}

func meetChild(t *testing.T, binary string, spin int) (c, g peer) {
	t.Helper()
	path := filepath.Join(alone(t), "x")
	g = peer{kithtest.Command(t, "go side", "listen", path).Start(), t}
	g.hears("listening listen")
	c = peer{kithtest.Peer(t, exec.Command(binary, settings{4096, 4096, spin}.args("dial", path)...)).Start(), t}
	c.hears("ok")
	return c, g
}

// Too large a message is an error before it is sent; the smaller limit counts.
func TestLimits(t *testing.T) {
	binary := compile(t)
	for _, test := range []struct{ c, query, taken int }{{1000, 2000, 1000}, {2000, 1000, 1000}} {
		c, conn := meet(t, binary, "dial", settings{4096, test.c, 0}, fmt.Sprintf("?limit=%d", test.query))
		c.do("the message is too large", "send 1 %d", test.taken+1)
		if err := send(t, conn, 1, test.taken+1); !errors.Is(err, kith.ErrTooLarge) {
			t.Errorf("Send: %v", err)
		}
		c.order("both 3 %d", test.taken)
		check(t, errors.Join(send(t, conn, 3, test.taken), receive(t, conn, 3, test.taken)))
		c.hears("ok")
	}
}

// Another user is told so, in either role: by Go, and by C where Go admits it.
func TestOtherUser(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	directory := alone(t)
	check(t, os.Chmod(directory, 0o777))
	for i, allowed := range []string{"", "&allow-uid=65534"} {
		path := filepath.Join(directory, fmt.Sprint("c", i))
		c := asNobody(t, "listen", path)
		c.hears("listening")
		if _, err := kith.Dial(t.Context(), "shm:"+path+"?limit=1m"+allowed); !errors.Is(err, unix.EACCES) {
			t.Errorf("Dial of another user's listener: %v", err)
		}
		c.hears("Permission denied")

		path = filepath.Join(directory, fmt.Sprint("go", i))
		l, err := kith.Listen(t.Context(), "shm:"+path+"?mode=0666"+allowed)
		check(t, err)
		asNobody(t, "dial", path).hears("Permission denied")
		check(t, l.Close())
	}
}

func asNobody(t *testing.T, role, path string) peer {
	t.Helper()
	c := peer{kithtest.Peer(t, exec.Command(kithtest.Compile(t, program), settings{4096, 4096, 0}.args(role, path)...)), t}
	c.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c.Start()
	return c
}

// What C does with a peer that is none, or none of its own: a stream, a string, a newer
// version, silence's sister the hang-up.
func TestRefusals(t *testing.T) {
	binary := compile(t)
	for name, test := range map[string]struct {
		say  func() []byte
		want string
	}{
		"a newer version":   {func() []byte { return hello(9, 2, 10, 3) }, "the peer speaks another version or transport"},
		"an older version":  {func() []byte { return hello(9, 0, 10, 0) }, "the peer speaks another version or transport"},
		"the other order":   {func() []byte { return hello(8, 2) }, "the peer speaks another version or transport"},
		"a stream":          {func() []byte { return hello(12, 1) }, "the peer speaks another version or transport"},
		"a refusal":         {func() []byte { return hello(16, byte(unix.EMFILE)) }, "Too many open files"},
		"no limit":          {func() []byte { return hello(26, 0) }, "the peer broke the protocol"},
		"no such ring":      {func() []byte { return hello(40, 1) }, "the peer broke the protocol"},
		"another magic":     {func() []byte { return hello(0, 'K') }, "the peer broke the protocol"},
		"no descriptors":    {func() []byte { return hello() }, "the peer broke the protocol"},
		"half a hello":      {func() []byte { return hello()[:32] }, "the peer broke the protocol"},
		"more than a hello": {func() []byte { return append(hello(), 0) }, "the peer broke the protocol"},
		"nothing":           {func() []byte { return nil }, "Connection reset by peer"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(alone(t), "x")
			c := peer{kithtest.Peer(t, exec.Command(binary, settings{4096, 4096, 0}.args("listen", path)...)).Start(), t}
			c.hears("listening")
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
			check(t, err)
			check(t, unix.Connect(fd, &unix.SockaddrUnix{Name: path}))
			if said := test.say(); said != nil {
				_, err = unix.Write(fd, said)
			}
			check(t, errors.Join(err, unix.Close(fd)))
			c.hears(test.want)
		})
	}
}

// hello is a good one, but for pairs of an offset and a byte there.
func hello(changes ...byte) []byte {
	h := make([]byte, 64)
	copy(h, "kith\r\n\x1a\n\x01\x01\x01\x01\x02\x01")
	h[26], h[42] = 1, 1 // 64 KiB each
	for i := 0; i < len(changes); i += 2 {
		h[changes[i]] = changes[i+1]
	}
	return h
}
