// Package bench has only benchmarks, and a test of the C twin. They hold kith against a C twin of the
// same layout (clients/c/twin.c), against unix: and against itself.
//
//	go test ./bench -run '^$' -bench .
//
// What is compared is measured in turn, A B B A …, several times over, and the
// ratio printed is the median of the pairs' ratios: both have seen the same
// machine. Nothing here fails for being slow.
package bench

import (
	"context"
	"fmt"
	"os"
	"testing"

	"kith/internal/compare"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"crowd": crowd}) }

// TestMain lets this binary be a worker of compare, and a child of kithtest.
func TestMain(m *testing.M) {
	if !compare.IsWorker() {
		kithtest.Main(m)
		return
	}
	if err := compare.Work(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
