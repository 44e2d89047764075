package sem_test

import (
	"testing"

	"kith/internal/kithtest"
	"kith/sem"
)

// Of several at once, one makes the set, and all find it with its values.
func TestOpenOrCreateSet(t *testing.T) {
	key := newKey()
	t.Cleanup(func() {
		if set, err := sem.FindSet(key); err == nil {
			_ = set.Remove()
		}
	})
	var calls []*kithtest.Call
	for range 8 {
		calls = append(calls, kithtest.Go(func() error {
			set, err := sem.OpenOrCreateSet(t.Context(), key, 0o600, 1, 2)
			if err != nil {
				return err
			}
			return set.TryDo(sem.Op{Index: 1, Change: 3})
		}))
	}
	for _, call := range calls {
		if err := call.Wait(); err != nil {
			t.Error(err)
		}
	}
	set, err := sem.OpenOrCreateSet(t.Context(), key, 0o600, 9)
	if err != nil {
		t.Fatal(err)
	}
	values, err := set.Values()
	if err != nil || len(values) != 2 || values[0] != 1 || values[1] != 2+3*len(calls) {
		t.Errorf("%v, %v", values, err)
	}
}
