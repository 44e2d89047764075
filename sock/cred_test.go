package sock_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"kith/internal/kithtest"
	"kith/sock"
)

// A child listens, and says who connected.
func listenForPeer(args []string) error {
	listener, err := net.Listen("unix", args[0])
	if err != nil {
		return err
	}
	defer listener.Close()
	kithtest.Say("listening")
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	cred, err := sock.Peer(conn.(*net.UnixConn))
	if err != nil {
		return err
	}
	if want := (sock.Cred{PID: os.Getppid(), UID: os.Geteuid(), GID: os.Getegid()}); cred == want {
		kithtest.Say("it is my parent")
	}
	kithtest.Hear() // the other side has looked, too
	return nil
}

func TestPeerIsTheOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	child := kithtest.Command(t, "listen", path).Start()
	if heard, err := child.Hear(); heard != "listening" {
		t.Fatal(heard, err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cred, err := sock.Peer(conn.(*net.UnixConn))
	want := sock.Cred{PID: child.Cmd.Process.Pid, UID: os.Geteuid(), GID: os.Getegid()}
	if cred != want || err != nil {
		t.Errorf("%+v, %v, want %+v", cred, err, want)
	}
	if heard, err := child.Hear(); heard != "it is my parent" {
		t.Error(heard, err)
	}
	_ = child.Say("done")
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

func TestPeerOfWhatIsNoUnixSocket(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer sock.CloseAll([]*os.File{r, w})
	if cred, err := sock.Peer(r); err == nil {
		t.Errorf("a pipe has the peer %+v", cred)
	}
}
