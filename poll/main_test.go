package poll_test

import (
	"testing"

	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{})
	kithtest.Main(m)
}
