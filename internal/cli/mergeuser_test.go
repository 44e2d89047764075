package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kith/internal/kithtest"
)

// unprivileged runs kith as nobody, who is let in to it and to the place.
func (p *place) unprivileged() func(*exec.Cmd) {
	p.t.Helper()
	kithtest.NeedKernel(p.t, "root")
	kith, err := exec.LookPath("kith")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, name := range []string{kith, p.files + "/x"} {
		for range 2 {
			name = filepath.Dir(name)
			if err := os.Chmod(name, 0o755); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// What another user may not read is said, and the rest is read: also a standard input
// that is a pipe of root's, which cannot be opened anew.
func TestMergeUnprivileged(t *testing.T) {
	p := newPlace(t)
	nobody := p.unprivileged()
	p.sh(`echo secret > secret; chmod 600 secret; echo open > open; chmod 644 open`)
	r, w := pipe(t)
	k := p.start([]string{"merge", "secret", "open", "-"}, stdout(w), nobody, stdin(strings.NewReader("input\n")))
	_ = w.Close()
	m := newMerger(k, r)
	if got := m.heard(); !strings.Contains(got, "open: open\n") || !strings.Contains(got, "-: input\n") || strings.Contains(got, "secret") {
		t.Errorf("wrote %q", got)
	}
	m.expect(exitFailed, "kith: secret: permission denied\n")
}

// With --follow it is read as soon as it may be.
func TestMergeFollowsWhatBecomesReadable(t *testing.T) {
	p := newPlace(t)
	nobody := p.unprivileged()
	p.sh(`echo secret > secret; chmod 600 secret; echo open > open; chmod 644 open`)
	r, w := pipe(t)
	k := p.start([]string{"merge", "--follow", "secret", "open"}, stdout(w), nobody)
	_ = w.Close()
	m := newMerger(k, r)
	m.hear("open: open")
	p.sh(`chmod 644 secret`)
	m.hear("secret: secret")
	m.interrupt("kith: secret: permission denied\nkith: secret: has appeared\n")
}
