package cli

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Sockets by each of their spellings, from one process that listens.
func TestMergeSockets(t *testing.T) {
	everyBackend(t, func(t *testing.T, backend string) {
		p := newPlace(t)
		abstract := "@kith-test-" + filepath.Base(p.names)
		addresses := []string{"socket", "unix:named", "unix:" + p.names + "/far", abstract}
		listens := []string{filepath.Join(p.names, "near"), filepath.Join(p.names, "named.unix"), filepath.Join(p.names, "far"), abstract}
		p.sh("ln -s " + listens[0] + " socket")
		for i, name := range listens {
			p.serve("unix", name, func(conn net.Conn) { fmt.Fprintf(conn, "one\ntwo %d", i) })
		}
		tcp := p.serve("tcp", "127.0.0.1:0", func(conn net.Conn) { fmt.Fprint(conn, "tcp\n") })
		m := p.merge(append([]string{"--backend", backend, "tcp:" + tcp}, addresses...)...)
		got := strings.Split(strings.TrimSpace(m.heard()), "\n")
		want := []string{"tcp:" + tcp + ": tcp"}
		for i, address := range addresses {
			want = append(want, address+": one", fmt.Sprintf("%s: two %d", address, i))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("wrote %q, want %q", got, want)
		}
		m.expect(exitDone, "")
	})
}

// A connection that is reset is a source that failed, with all that it had sent.
func TestMergeReset(t *testing.T) {
	everyBackend(t, func(t *testing.T, backend string) {
		p := newPlace(t)
		p.fifo("fifo")
		heard := make(chan bool)
		tcp := p.serve("tcp", "127.0.0.1:0", func(conn net.Conn) {
			fmt.Fprint(conn, "whole\nhalf")
			<-heard
			_ = conn.(*net.TCPConn).SetLinger(0)
		})
		m := p.merge("--backend", backend, "tcp:"+tcp, "fifo")
		m.hear("tcp:" + tcp + ": whole")
		close(heard)
		m.hear("tcp:" + tcp + ": half")
		p.sh("echo goes on > fifo")
		m.hear("fifo: goes on")
		m.expect(exitFailed, "kith: tcp:"+tcp+": connection reset by peer\n")
	})
}

// serve answers one connection, and closes it.
func (p *place) serve(network, name string, answer func(net.Conn)) (address string) {
	p.t.Helper()
	listener, err := net.Listen(network, name)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		answer(conn)
	}()
	return listener.Addr().String()
}

// 300 connections to one name are 300 sources.
func TestMergeManySockets(t *testing.T) {
	const count = 300
	p := newPlace(t)
	listener, err := net.Listen("unix", filepath.Join(p.names, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for i := range count {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for line := range 100 {
					fmt.Fprintf(conn, "%d %d\n", i, line)
				}
			}()
		}
	}()
	m := p.merge(slices.Repeat([]string{listener.Addr().String()}, count)...)
	next := map[string]int{}
	for range count * 100 {
		line, err := m.out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		source, text, _ := strings.Cut(line, ": ")
		var of, number int
		if _, err := fmt.Sscanf(text, "%d %d\n", &of, &number); err != nil || number != next[source] {
			t.Fatalf("%q, want line %d", line, next[source])
		}
		next[source]++
	}
	if m.expect(exitDone, ""); len(next) != count {
		t.Errorf("%d sources of %d", len(next), count)
	}
}
