package examples

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"kith/internal/kithtest"
)

// Clients of other PID, IPC, network and mount namespaces, where its PID is 1, and of a
// user namespace, where the server's user has no number.
func ticketsNamespaces(t *testing.T, p *program) {
	kithtest.NeedKernel(t, "root")
	const all = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS
	s := startTickets(p)
	for i, attr := range []*syscall.SysProcAttr{
		{Cloneflags: all},
		{Cloneflags: all},
		{Cloneflags: all | syscall.CLONE_NEWUSER, UidMappings: []syscall.SysProcIDMap{{ContainerID: 7, HostID: 0, Size: 1}}},
	} {
		cmd := exec.Command(p.binary, "ask", p.file)
		cmd.SysProcAttr = attr
		client := kithtest.Peer(t, cmd).Start()
		if n := askTicket(t, client, "from afar"); n != i+1 {
			t.Errorf("%d", n)
		}
		s.awaitFIFOs(1 + i + 1)
	}
	s.end(3, 0)
}

// The server is nobody, and its clients are other users.
func ticketsForAll(t *testing.T, p *program) {
	kithtest.NeedKernel(t, "root")
	for _, path := range []string{p.binary, p.file} {
		above := filepath.Dir(path)
		if err := errors.Join(os.Chmod(above, 0o755), os.Chmod(filepath.Dir(above), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.Mkdir(p.file, 0o700), os.Chown(p.file, 65534, 65534), os.Chmod(p.file, os.ModeSticky|0o733))
	if err != nil {
		t.Fatal(err)
	}
	as := func(uid uint32, script string) *kithtest.Child {
		cmd := exec.Command("sh", "-c", script, p.binary, p.file)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		return kithtest.Peer(t, cmd).Start()
	}
	server := as(65534, `umask 0; exec "$0" serve "$1"`)
	hear(t, server, "serving "+p.file)
	s := &ticketServer{p, server}
	for _, uid := range []uint32{65534, 65533, 0} {
		client := as(uid, `umask 077; exec "$0" ask "$1"`)
		askTicket(t, client, "let in")
		client.Kill()
		s.awaitFIFOs(1)
	}
	spy := as(65533, `ls "$1"; cat "$1/requests"; rm "$1/requests"; "$0" serve "$1"; echo done`)
	hear(t, spy, "done")
	s.end(3, 0)
}
