package object

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"kith/driver"
)

// mode takes the key mode=, the permissions of a new object. They are set as
// given, whatever the umask.
func mode(a *driver.Address) fs.FileMode {
	mode := fs.FileMode(0o600)
	a.Value("mode", func(text string) error {
		bits, err := strconv.ParseUint(text, 8, 16)
		if err != nil || bits > 0o777 {
			return errors.New("want permissions in octal, as 0640")
		}
		mode = fs.FileMode(bits)
		return nil
	})
	return mode
}

// largestSize is more than any machine has, in bytes: 1 PiB.
const largestSize = 1 << 50

// number takes a key whose value is a whole number, or fallback.
func number(a *driver.Address, key string, fallback, lowest, highest int) int {
	value := fallback
	a.Value(key, func(text string) (err error) {
		value, err = numberIn(text, lowest, highest)
		return err
	})
	return value
}

// numbers takes a key whose value is a list of them.
func numbers(a *driver.Address, key string, lowest, highest int) (list []int) {
	a.Value(key, func(text string) error {
		for item := range strings.SplitSeq(text, ",") {
			value, err := numberIn(item, lowest, highest)
			if err != nil {
				return err
			}
			list = append(list, value)
		}
		return nil
	})
	return list
}

func numberIn(text string, lowest, highest int) (int, error) {
	value, err := strconv.Atoi(text)
	if err != nil || value < lowest || value > highest {
		return 0, fmt.Errorf("want a number from %d to %d", lowest, highest)
	}
	return value, nil
}

// lacking is a key that Make cannot do without.
func lacking(what string) error {
	return fmt.Errorf("%w: to make it, say how: ?%s", driver.ErrAddress, what)
}
