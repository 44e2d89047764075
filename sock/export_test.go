package sock

import (
	"testing"
	"time"
)

// LookSeldom makes senders who wait depend on being woken, for the time of the test.
func LookSeldom(t *testing.T) {
	before := lookEvery
	lookEvery = time.Hour
	t.Cleanup(func() { lookEvery = before })
}
