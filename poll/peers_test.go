package poll_test

import (
	"fmt"
	"os"
	"testing"

	"kith/internal/kithtest"
)

// A peer is a program of another language at the other end of a source.
type peer struct{ *kithtest.Child }

// withPeers runs a test for each language.
func withPeers(t *testing.T, test func(t *testing.T, start func(end *os.File) peer)) {
	programs := map[string]func(t testing.TB) *kithtest.Child{
		"C":      func(t testing.TB) *kithtest.Child { return kithtest.C(t, "testdata/peer.c") },
		"Python": func(t testing.TB) *kithtest.Child { return kithtest.Python(t, "testdata/peer.py") },
	}
	for language, program := range programs {
		t.Run(language, func(t *testing.T) {
			test(t, func(end *os.File) peer {
				child := program(t)
				if end != nil {
					child.Cmd.ExtraFiles = []*os.File{end}
				}
				child.Start()
				if end != nil {
					close1(t, end) // the peer has it
				}
				return peer{child}
			})
		})
	}
}

func (p peer) order(t *testing.T, format string, args ...any) {
	t.Helper()
	if err := p.Say(fmt.Sprintf(format, args...)); err != nil {
		t.Fatal(err)
	}
	if line, err := p.Hear(); line != "ok" || err != nil {
		t.Fatalf("%s: the peer says %q, %v", fmt.Sprintf(format, args...), line, err)
	}
}
