package driver

import "fmt"

// Value takes the key's value, if the address has it, and reports whether it
// does. What parse has against the value is reported by Done.
func (a *Address) Value(key string, parse func(text string) error) (found bool) {
	text, found := a.take(key)
	if !found {
		return false
	}
	if err := parse(text); err != nil {
		a.fail(fmt.Errorf("%w: %s=%s: %w", ErrAddress, key, text, err))
	}
	return true
}
