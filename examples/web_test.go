package examples

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "kith" // what the program is made of, for the test cache
	"kith/internal/kithtest"
)

// A website is the program, and where its server serves.
type website struct {
	*program
	address string
	folder  string
}

// buildWeb runs the test over shared memory, and over what else the address can say.
func buildWeb(t *testing.T, test func(t *testing.T, w *website)) {
	p := build(t, "web")
	readSources(t, "web")
	for _, scheme := range []string{"shm", "unix"} {
		t.Run(scheme, func(t *testing.T) {
			folder, err := os.MkdirTemp("", "web") // a socket's path has to be short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(folder) })
			test(t, &website{p.in(t), scheme + ":" + filepath.Join(folder, "socket"), folder})
		})
	}
}

func (w *website) start(args ...string) *kithtest.Child {
	w.t.Helper()
	return kithtest.Peer(w.t, exec.Command(w.binary, args...)).Start()
}

func (w *website) serve() *kithtest.Child {
	w.t.Helper()
	server := w.start("serve", w.address, w.folder)
	hear(w.t, server, "serving "+w.address)
	return server
}

func (w *website) output(input []byte, args ...string) (string, error) {
	cmd := exec.Command(w.binary, args...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	return string(out), err
}

func TestWeb(t *testing.T) {
	buildWeb(t, func(t *testing.T, w *website) {
		if out, err := w.output(nil, "get", w.address, "/hello/nobody"); err == nil {
			t.Errorf("without a server a client says %q", out)
		}
		file := bytes.Repeat([]byte("what is in the file\n"), 100_000)
		if err := os.WriteFile(filepath.Join(w.folder, "page"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		server := w.serve()
		var clients sync.WaitGroup
		for n := range 5 {
			clients.Go(func() {
				name := fmt.Sprint("neighbour", n)
				for _, ask := range []struct {
					input []byte
					args  []string
					want  string
				}{
					{nil, []string{"get", "/hello/" + name}, "hello, " + name + "\n"},
					{nil, []string{"get", "/files/page"}, string(file)},
					{file, []string{"put", "/sum"}, fmt.Sprintf("%d bytes, %x\n", len(file), sha256.Sum256(file))},
				} {
					got, err := w.output(ask.input, ask.args[0], w.address, ask.args[1])
					if got != ask.want || err != nil {
						t.Errorf("%v: %.60q, %v, want %.60q", ask.args, got, err, ask.want)
					}
				}
			})
		}
		clients.Wait()
		if out, err := w.output(nil, "get", w.address, "/nothing"); err == nil {
			t.Errorf("what is not there: %q", out)
		}
		watcher := w.start("watch", w.address)
		hear(t, watcher, "tick 1")
		interrupt(t, server)
		if err := watcher.Wait(); err != nil {
			t.Errorf("a watcher, when the server has ended: %v", err)
		}
		if left, err := filepath.Glob(filepath.Join(w.folder, "socket*")); err != nil || len(left) > 0 {
			t.Errorf("%v is left, %v", left, err)
		}
	})
}

// Whoever is killed, the other one learns of it; and the next server takes the name over.
func TestWebKilled(t *testing.T) {
	buildWeb(t, func(t *testing.T, w *website) {
		for range 5 {
			server := w.serve()
			leaver := w.start("watch", w.address)
			hear(t, leaver, "tick 1")
			leaver.Kill()
			hear(t, server, "a watcher has left")
			watcher := w.start("watch", w.address)
			hear(t, watcher, "tick 1")
			server.Kill()
			if err := watcher.Wait(); err == nil {
				t.Error("a watcher of a server that was killed has ended well")
			}
		}
		server := w.serve()
		if out, err := w.output(nil, "get", w.address, "/hello/again"); strings.TrimSpace(out) != "hello, again" || err != nil {
			t.Errorf("%q, %v", out, err)
		}
		interrupt(t, server)
	})
}
