package mq_test

import (
	"testing"

	"kith/internal/kithtest"
	"kith/mq"
)

// Of several at once, one makes the queue, and all find it.
func TestOpenOrCreate(t *testing.T) {
	name, key := freshName(t), freshKey(t)
	opens := map[string]func() (kind, error){
		"POSIX": func() (kind, error) {
			q, err := mq.OpenOrCreate(name, 0o600, mq.Attributes{Messages: 8, Size: 8})
			if err != nil {
				return kind{}, err
			}
			t.Cleanup(func() { _ = q.Close() })
			return posixKind(q), nil
		},
		"SysV": func() (kind, error) {
			q, err := mq.OpenOrCreateSysV(key, 0o600)
			if err != nil {
				return kind{}, err
			}
			return sysvKind(q), nil
		},
	}
	for what, open := range opens {
		var calls []*kithtest.Call
		for range 8 {
			calls = append(calls, kithtest.Go(func() error {
				k, err := open()
				if err != nil {
					return err
				}
				return k.trySend([]byte(what))
			}))
		}
		for _, call := range calls {
			if err := call.Wait(); err != nil {
				t.Error(err)
			}
		}
		k, err := open()
		if err != nil {
			t.Fatal(err)
		}
		for range calls {
			if n, err := k.try(make([]byte, 8)); n != len(what) || err != nil {
				t.Errorf("%s: %d bytes, %v", what, n, err)
			}
		}
	}
}
