package sem_test

import (
	"errors"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"kith/ipc"
	"kith/sem"
)

// An identifier that the kernel would cut down to that of another set is nobody's.
func TestSetByIDOfNobody(t *testing.T) {
	if strconv.IntSize < 64 {
		return // there is no such int
	}
	set, err := sem.CreateSet(ipc.Private, 0o600, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := set.Remove(); err != nil {
			t.Error(err)
		}
	}()
	other := set.ID()
	other |= 1 << 31 << 1
	if err := sem.SetByID(other).Remove(); !errors.Is(err, unix.EINVAL) {
		t.Errorf("%v, want EINVAL", err)
	}
	if values, err := set.Values(); err != nil || len(values) != 1 || values[0] != 1 {
		t.Errorf("%v, %v", values, err)
	}
}
