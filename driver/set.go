package driver

import (
	"fmt"
	"slices"
	"strings"
)

// Set adds a key with its value, as if the address had been written with it. One
// that is there already is ErrAddress.
func (a *Address) Set(name, value string) error {
	if slices.ContainsFunc(a.keys, func(k key) bool { return k.name == name }) {
		return fmt.Errorf("%w: key %q is given twice", ErrAddress, name)
	}
	if strings.ContainsRune(value, 0) {
		return fmt.Errorf("%w: a value cannot hold a NUL byte", ErrAddress)
	}
	a.keys = append(slices.Clip(a.keys), key{name, value}) // of this copy of the Address only
	return nil
}
