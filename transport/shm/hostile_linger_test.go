package shm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"kith/driver"
	"kith/internal/kithtest"
	"kith/transport/shm"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"lingerer": linger})
	dialerTricks = append(dialerTricks, inSecond("its own end of the first", func(h *hostile) *os.File {
		own, _ := h.front.File()
		return h.keep(own)
	}))
}

// linger, in a child, dials again and again, with a socket of the Internet in the place
// of its second descriptor whose close(2) waits for an hour: it lingers, has bytes under
// way, and nobody reads them.
func linger(args []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	held := []net.Conn{} // or a finalizer would close them
	for range lingerers {
		h, err := dialled(args[0])
		if err != nil {
			return err
		}
		stuck, other, err := lingering(listener)
		if err != nil {
			return err
		}
		held = append(held, other)
		h.say(honestHello().Bytes(), h.honest(), stuck)
		go stuck.Close() // the victim's is to be the last
	}
	kithtest.Say("passed")
	kithtest.Hear()
	runtime.KeepAlive(held)
	return nil
}

// lingerers are more than a listener has slots.
const lingerers = 200

// lingering is a socket that has more to send than its peer takes.
func lingering(listener net.Listener) (stuck *os.File, other net.Conn, err error) {
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if other, err = listener.Accept(); err != nil {
		return nil, nil, err
	}
	_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Millisecond))
	for err == nil {
		_, err = conn.Write(make([]byte, 1<<20))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil, err
	}
	stuck, err = conn.(*net.TCPConn).File()
	return stuck, other, errors.Join(err, conn.(*net.TCPConn).SetLinger(3600))
}

// A descriptor whose close would wait keeps nobody else out, nor Close.
func TestDescriptorsThatLinger(t *testing.T) {
	before := kithtest.Hold()
	a := address(t, filepath.Join(directory(t), "x"))
	listener, err := shm.Transport{}.Listen(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, "lingerer", a.Name).Start()
	if heard, err := child.Hear(); heard != "passed" {
		t.Fatal(heard, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	dialing := kithtest.Go(func() error { return sendHonest(ctx, a) })
	conn, err := listener.Accept(ctx)
	if err == nil {
		var msg []byte
		if msg, err = conn.Receive(ctx); string(msg) != "honest" {
			err = fmt.Errorf("%q, %w", msg, err)
		}
		err = errors.Join(err, conn.Close())
	}
	if err := errors.Join(err, dialing.Wait()); err != nil {
		t.Errorf("an honest dialer behind them: %v", err)
	}
	returns(t, "Close", kithtest.Go(listener.Close))
	child.Kill()
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func sendHonest(ctx context.Context, a driver.Address) error {
	conn, err := shm.Transport{}.Dial(ctx, a)
	if err != nil {
		return err
	}
	return errors.Join(conn.Send(ctx, []byte("honest")), conn.Close())
}
