package transport_test

import (
	"testing"

	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"stranger dials":   strangerDials,
		"stranger listens": strangerListens,
		"stranger child":   strangerChild,
	})
	kithtest.Main(m)
}
