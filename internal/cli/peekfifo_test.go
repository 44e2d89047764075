package cli

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"kith/internal/kithtest"
)

// Where kith may have no pipe as large as the FIFO, it could copy only a part of what
// is in it, and says so.
func TestPeekFIFOWithoutRoom(t *testing.T) {
	kithtest.Need(t, "/usr/bin/python3")
	p, nobody := nobodys(t)
	fifo := p.path("fifo")
	nobody(exitDone, "", "mk", "fifo:"+fifo+"?mode=0666")
	source, err := os.ReadFile("testdata/pipes.py")
	if err != nil {
		t.Fatal(err)
	}
	hog := exec.Command("/usr/bin/python3", "-u", "-c", string(source), fifo)
	hog.SysProcAttr = &syscall.SysProcAttr{Credential: anotherUser}
	if line, err := kithtest.Peer(t, hog).Start().Hear(); line != "full" || err != nil {
		t.Fatal(line, err)
	}
	asHog := func(c *exec.Cmd) {
		asNobody(c)
		c.SysProcAttr.Credential = anotherUser
	}
	p.start([]string{"peek", "fifo:" + fifo}, asHog).expect(exitFailed, "over the limit pipe-user-pages-soft")
}

// anotherUser is none whom other tests have, and who would want for pipes.
var anotherUser = &syscall.Credential{Uid: 65533, Gid: 65533}
