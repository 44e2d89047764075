package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kith/internal/compare"
	"kith/internal/kithtest"
)

// The twin does each measure.
func TestWaitingTwin(t *testing.T) {
	program := kithtest.Compile(t, "../clients/c/waiting.c")
	all, err := compare.NewWaiting()
	if err != nil {
		t.Fatal(err)
	}
	for _, cell := range compare.WaitingCells() {
		if cell.Sources > 1000 {
			continue
		}
		turns, err := all.StartWaiting(t.Context(), cell, program)
		if err != nil || turns == nil {
			t.Fatalf("%v: %v, %v", cell, err, all.LeftOut)
		}
		if err := turns.Turn(t.Context()); err != nil {
			t.Errorf("%v: %v", cell, err)
		}
		if err := turns.Close(); err != nil {
			t.Errorf("%v: %v", cell, err)
		}
		if f := turns.Figure(); f.Ours <= 0 || f.Twin <= 0 || f.Ratio <= 0 || f.Turns != 1 {
			t.Errorf("%+v", f)
		}
	}
}

// It refuses what it does not know, and what it has no room for.
func TestWaitingTwinRefuses(t *testing.T) {
	for _, say := range []struct{ backend, sources, line, want string }{
		{"poll", "3", "nonsense 1", ""},
		{"sleep", "1", "each 1", ""},
		{"kqueue", "3", "each 1", ""},
		{"poll", "0", "each 1", ""},
		{"select", "3000", "each 1", "no: Too many open files"},
	} {
		twin := kithtest.C(t, "../clients/c/waiting.c", strconv.Itoa(place(t).Leader), say.backend, say.sources).Start()
		first, err := twin.Hear()
		if err == nil && first == "ready" {
			_ = twin.Say(say.line)
			if line, err := twin.Hear(); err == nil {
				t.Errorf("%v: it measured %s", say, line)
			}
		} else if first != say.want {
			t.Errorf("%v: it said %q, %v", say, first, err)
		}
		if err := twin.Wait(); (err == nil) != (say.want != "") {
			t.Errorf("%v: it ended with %v", say, err)
		}
	}
}

// Where the twin may open fewer files than we, the cell is left out.
func TestWaitingTwinWithoutRoom(t *testing.T) {
	program := kithtest.Compile(t, "../clients/c/waiting.c")
	all, err := compare.NewWaiting()
	if err != nil {
		t.Fatal(err)
	}
	few := filepath.Join(t.TempDir(), "few")
	if err := os.WriteFile(few, []byte("#!/bin/sh\nulimit -n 100\nexec "+program+` "$@"`), 0o700); err != nil {
		t.Fatal(err)
	}
	turns, err := all.StartWaiting(t.Context(), compare.WaitingCell{Measure: compare.Each, Backend: "epoll", Sources: 300}, few)
	if turns != nil || err != nil || len(all.LeftOut) != 1 || !strings.Contains(all.LeftOut[0].Why, "for the twin: Too many open files") {
		t.Errorf("%v, %v, %v", turns, err, all.LeftOut)
	}
}
