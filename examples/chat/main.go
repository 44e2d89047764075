// A chat between two terminals: each side waits for its keyboard and for the other side
// at once (package poll).
//
//	go run ./examples/chat answer /tmp/chat   # in one terminal
//	go run ./examples/chat call /tmp/chat     # in another
//
// Ctrl-D ends what you say, and you still hear what was on its way. Ctrl-C ends all. The
// keyboard may be a file or a pipe, too, and the other side any program that sends lines:
//
//	go run ./examples/chat call /tmp/chat <letter
//
// What to learn from it:
//
//   - Who reads the keyboard does not hear the other side meanwhile, and the other way
//     round. So nothing is read before the set says that it is ready; there is one place
//     to wait, and no thread (chat.go).
//   - Writing waits as well: when both paste a book, both would wait for the other to
//     read, for ever. So what there is no room for is kept, and the keyboard waits.
//   - The keyboard stays in blocking mode. O_NONBLOCK is not ours alone: the shell, and
//     all that have the terminal from it, would find it changed. One read after the set
//     said that it is ready does not wait.
//   - A file is always ready, and epoll refuses it (ErrNotPollable), as it does /dev/null:
//     such a keyboard is simply read.
//   - The end of what somebody says (shutdown, Ctrl-D) is not the end of him: he may
//     still listen. The set tells them apart, by HangUp.
//   - The terminal gives a line when it is finished, so none is sent half typed. On the
//     screen, a line that comes does fall into the one that you type; Ctrl-R shows yours
//     again. To do better, a program takes over the keys, and all that the terminal did
//     with them: erasing, Ctrl-C, Ctrl-Z, and being whole again after each end. That is
//     what readline is for.
//   - What is half typed when the chat ends would be given to the shell, which may take
//     it for a command. It is thrown away.
//   - What comes from others can command a terminal (escape sequences): it is not
//     printed as it is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/lock"
	"kith/sock"
)

var errNobody = errors.New("nobody waits there: start one with `answer`")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := errors.New("usage: answer PATH | call PATH")
	if len(os.Args) == 3 {
		switch path := os.Args[2]; os.Args[1] {
		case "answer":
			err = run(ctx, path, answer)
		case "call":
			err = run(ctx, path, call)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string, meet func(context.Context, string) (*net.UnixConn, error)) error {
	peer, err := meet(ctx, path)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer peer.Close()
	who, err := sock.Peer(peer)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "process %d of user %d is there; Ctrl-D ends\n", who.PID, who.UID)
	return talk(ctx, os.Stdin, peer)
}

// answer waits for one that calls. The lock says whether another does; under it, a
// socket that is there is a dead one's.
func answer(ctx context.Context, path string) (*net.UnixConn, error) {
	only, err := lock.At(path+".lock", lock.Flock).Try(lock.Exclusive, lock.Whole)
	if err != nil {
		return nil, err // ErrBusy
	}
	defer func() { _ = only.Remove() }()
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(path)
	}
	unix.Umask(0o077) // the socket is for our user from its first moment on
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		return nil, err
	}
	defer listener.Close() // and removes it: a third gets no answer
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	fmt.Fprintln(os.Stderr, "waiting at", path)
	return listener.AcceptUnix()
}

func call(_ context.Context, path string) (*net.UnixConn, error) {
	peer, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, errNobody
	}
	return peer, err
}
