package compare

import (
	"context"
	"fmt"
	"os"
	"testing"

	"kith/internal/kithtest"
)

// TestMain lets the test binary be the workers of its own runs.
func TestMain(m *testing.M) {
	if !IsWorker() {
		// Workers built with the race detector would sleep a second as they exit.
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
		kithtest.Register(map[string]kithtest.Func{"keep directory": keepDirectory})
		kithtest.Main(m)
	}
	if err := Work(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
