package rendezvous

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"kith/driver"
	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"own":       ownSocket,
		"race":      raceForSocket,
		"umask":     listenWithUmask,
		"hold lock": holdLock,

		"own with few descriptors": ownWithFewDescriptors,
	})
	kithtest.Main(m)
}

const network = "unixpacket"

// short makes a directory whose path leaves room for a socket's name.
func short(t testing.TB) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}

// listening is a socket that is closed with the test.
func listening(t testing.TB, path string) *Socket {
	t.Helper()
	socket, err := Listen(t.Context(), network, path, OnlyUs())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}

// address is that of a name, as kith parses it.
func address(t testing.TB, text string) driver.Address {
	t.Helper()
	a, err := driver.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ownSocket, in a child, listens at a path and takes who comes, until it is
// killed or told to stop.
func ownSocket(args []string) error {
	socket, err := Listen(context.Background(), network, args[0], OnlyUs())
	if err != nil {
		kithtest.Say(err.Error())
		return nil
	}
	kithtest.Say("listening")
	go answer(socket)
	kithtest.Hear()
	return socket.Close()
}

// answer says one byte to each who comes.
func answer(socket *Socket) {
	for {
		conn, err := socket.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte("x"))
		_ = conn.Close()
	}
}

// reach fails the test if nobody answers at the path.
func reach(t testing.TB, path string) {
	t.Helper()
	conn, err := Dial(t.Context(), network, path)
	if err != nil {
		t.Errorf("nobody is there: %v", err)
		return
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1))
	if errors.Is(err, io.EOF) { // it may come ahead of the answer, see transfer.end in sock
		_, err = conn.Read(make([]byte, 1))
	}
	if err != nil {
		t.Errorf("no answer: %v", err)
	}
}

// leave leaves a socket at path as a process does that dies: nobody listens.
func leave(t testing.TB, path string) {
	t.Helper()
	socket, err := Listen(t.Context(), network, path, OnlyUs())
	if err != nil {
		t.Fatal(err)
	}
	if err := socket.UnixListener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
}

func in(directory string) string { return filepath.Join(directory, "x") }
