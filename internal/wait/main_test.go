package wait

import (
	"testing"

	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{"answer": answer, "drain": drain, "meet": meet})
	kithtest.Main(m)
}
