package object_test

import (
	"errors"
	"testing"

	"kith/driver"
	"kith/internal/object"
)

// Whatever an address says, it is one that is printed and found again, or an error.
func FuzzAt(f *testing.F) {
	for _, address := range []string{
		"sysvshm:0x2a?size=4k", "sysvsem:id:17", "sysvmq:private", "sysvmq:/?project=65", "posixshm:/a?size=1&mode=0640",
		"mq:a?maxmsg=1&msgsize=2", "sysvsem:1?values=1,0,5", "fifo:/tmp/x", "file:x", "posixsem:a%2Fb?value=1", "sysvsem:1?count=9",
	} {
		f.Add(address)
	}
	f.Setenv("KITH_DIR", f.TempDir())
	f.Fuzz(func(t *testing.T, address string) {
		o, err := object.At(address)
		if err != nil {
			return
		}
		again, err := object.At(o.Address())
		if err != nil || again.Address() != o.Address() {
			t.Errorf("%q is %q, which is %v, %v", address, o.Address(), again, err)
		}
	})
}

func TestAddressesOfOneObject(t *testing.T) {
	t.Setenv("KITH_DIR", "/names")
	for address, want := range map[string]string{
		"sysvshm:42": "sysvshm:0x0000002a", "sysvshm:0x2a": "sysvshm:0x0000002a", "sysvmq:0xffffffff": "sysvmq:0xffffffff",
		"sysvsem:id:17": "sysvsem:id:17", "sysvsem:private": "sysvsem:private",
		"posixshm:a": "posixshm:/a", "posixshm:/a": "posixshm:/a", "mq:a%3Fb": "mq:/a%3Fb", "posixsem:/.a": "posixsem:/.a",
		"fifo:a": "fifo:/names/a.fifo", "file:a": "file:/names/a.file", "file:/a b": "file:/a b",
	} {
		o, err := object.At(address)
		if err != nil || o.Address() != want {
			t.Errorf("%s: %v, %v, want %s", address, o, err, want)
		}
	}
}

// What only a new object can be, or only one that is there, is refused before the
// kernel is asked.
func TestPrivateAndIdentifiers(t *testing.T) {
	for _, scheme := range []string{"sysvshm", "sysvsem", "sysvmq"} {
		private, err := object.At(scheme + ":private")
		if err != nil {
			t.Fatal(err)
		}
		_, unknown := private.Stat()
		for _, err := range []error{unknown, private.Remove()} {
			if !errors.Is(err, driver.ErrAddress) {
				t.Errorf("%s: %v", private.Address(), err)
			}
		}
		for _, how := range []string{"?size=1", "?count=1", ""} {
			if o, err := object.At(scheme + ":id:1" + how); err == nil {
				if err := o.Make(t.Context()); !errors.Is(err, driver.ErrAddress) {
					t.Errorf("%s%s: %v", o.Address(), how, err)
				}
			}
		}
	}
}
