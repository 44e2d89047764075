//go:build amd64

package death_test

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
)

// seed is where the sample of an ordinary run begins: KITH_STEPS, or a random number.
// KITH_STEPS=all is no sample, but everything.
var seed = sync.OnceValues(func() (first int, all bool) {
	text := os.Getenv("KITH_STEPS")
	if first, err := strconv.Atoi(text); err == nil {
		return first, false
	}
	return rand.IntN(math.MaxInt32), text == "all"
})

// everything reports whether this run is no sample.
func everything() bool {
	_, all := seed()
	return all
}

// A stride is how many points of an operation lie between two kills: in an ordinary run,
// and in one of everything.
type stride struct{ ordinary, all int }

// from is where the first kill is, and how many points later the next.
func (s stride) from(t *testing.T) (first, step int) {
	first, all := seed()
	if all {
		return first % s.all, s.all
	}
	t.Logf("KITH_STEPS=%d repeats this sample, KITH_STEPS=all kills everywhere", first)
	return first % s.ordinary, s.ordinary
}
