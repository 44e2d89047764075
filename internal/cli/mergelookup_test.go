package cli

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// A path is followed wherever it comes to lead: over links that change, directories that
// are made, moved away or removed, and a target that is rotated in its own directory.
func TestMergeFollowsALookup(t *testing.T) {
	for name, way := range map[string]struct{ before, change string }{
		"link":              {`echo one > a; echo two > b; ln -s a log`, `ln -s b new; mv -T new log`},
		"link's target":     {`mkdir d; echo one > d/a; ln -s d/a log`, `mv d/a d/b; echo two > d/a`},
		"dangling link":     {`mkdir d; echo one > d/a; ln -s d/a log`, `rm d/a; echo two > d/new; mv d/new d/a`},
		"link to a link":    {`mkdir d e; echo one > e/a; echo two > e/b; ln -s ../e/a d/l; ln -s d/l log`, `ln -s ../e/b new; mv -T new d/l`},
		"linked directory":  {`mkdir 1 2; echo one > 1/a; echo two > 2/a; ln -s 1 current; ln -s current/a log`, `ln -s 2 new; mv -T new current`},
		"directory moved":   {`mkdir d; echo one > d/a; ln -s d/a log`, `mv d old; mkdir d; echo two > d/a`},
		"directory removed": {`mkdir -p d/e; echo one > d/e/a; ln -s d/e/a log`, `rm -r d; mkdir -p d/e; echo two > d/e/a`},
		"absolute link":     {`mkdir d; echo one > d/a; ln -s "$PWD/d/../d/./a" log`, `mv d old; mkdir d; echo two > d/a`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.sh(way.before)
			m := p.merge("--follow", "log")
			m.hear("log: one")
			p.sh(way.change)
			m.hear("log: two")
			p.sh(`echo three >> log`)
			m.hear("log: three")
			m.interrupt("kith: log: was replaced, and the new one is read\n")
		})
	}
}

// Directories that are not there yet are waited for, one after the other, and so is what
// a link leads to.
func TestMergeFollowsIntoNewDirectories(t *testing.T) {
	p := newPlace(t)
	p.sh(`ln -s far/away link; echo here > here`)
	m := p.merge("--follow", "new/dir/log", "link", "here")
	m.hear("here: here")
	p.sh(`mkdir new; mkdir new/dir; echo deep > new/dir/log`)
	m.hear("new/dir/log: deep")
	p.sh(`mkdir far; echo found > far/away`)
	m.hear("link: found")
	m.interrupt("kith: new/dir/log: no such file or directory\nkith: link: no such file or directory\nkith: new/dir/log: has appeared\nkith: link: has appeared\n")
}

// A file of proc(5) has no size: that it is shorter than what was read says nothing.
func TestMergeFollowsAFileWithoutSize(t *testing.T) {
	uptime, err := os.Stat("/proc/version")
	if err != nil || uptime.Size() > 0 {
		t.Fatal("no file without size", err)
	}
	p := newPlace(t)
	m := p.merge("--follow", "--no-prefix", "/proc/version", "/proc/self/comm", "log")
	got := ""
	for range 2 {
		line, err := m.out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		got += line
	}
	p.sh(`echo after > log`)
	m.hear("after")
	m.interrupt()
}

// A socket that appears is dialed once, whatever becomes of its name after that, and is
// over when its peer has closed it, also where it took the place of a file.
func TestMergeFollowsToASocket(t *testing.T) {
	for _, before := range []string{"true", "echo file > s"} {
		p := newPlace(t)
		p.sh(before)
		m := p.merge("--follow", "s", "file")
		p.sh(`echo ready > file`)
		if before != "true" {
			m.hear("s: file")
		}
		m.hear("file: ready")
		listener, err := net.Listen("unix", p.names+"/s")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		p.sh(fmt.Sprintf("mv -T %s/s s; chmod 600 s; echo seen >> file", p.names))
		m.hear("file: seen")
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		p.sh("chmod 660 s; echo changed >> file")
		m.hear("file: changed")
		fmt.Fprintln(conn, "from the socket")
		m.hear("s: from the socket")
		_ = conn.Close()
		p.sh("echo more >> file")
		m.hear("file: more")
		m.interrupt()
		_ = listener.(*net.UnixListener).SetDeadline(noWait)
		if again, err := listener.Accept(); err == nil {
			_ = again.Close()
			t.Error("it was dialed twice")
		}
	}
}
