package driver

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MaxLimit is the largest value of the key `limit`, in bytes: 1 GiB.
const MaxLimit = 1 << 30

// DefaultLimit is the largest message, in bytes, that a Conn sends or takes
// when its address does not say otherwise: 64 MiB, on every transport.
const DefaultLimit = 64 << 20

// An Address says how and where to meet a peer: scheme:name?key=value&key=value.
//
// Name and values are already unescaped. The keys are consumed by the
// transport through Size and Choice; Done then refuses what is left, so that
// an unknown key is an error before anything is created.
type Address struct {
	Scheme string
	Name   string

	keys []key // in the order given
	used []string
	err  error
}

type key struct{ name, value string }

// ParseAddress splits text into an Address. It checks the form alone: what
// the scheme is, which names it can take and which keys it knows are its
// transport's to say.
func ParseAddress(text string) (Address, error) {
	scheme, rest, found := strings.Cut(text, ":")
	if !found || scheme == "" {
		return Address{}, fmt.Errorf("%w: no scheme: want scheme:name, as in shm:orders", ErrAddress)
	}
	name, query, _ := strings.Cut(rest, "?")
	a := Address{Scheme: scheme}
	var err error
	if a.Name, err = unescape(name); err != nil {
		return Address{}, err
	}
	return a, a.parseKeys(query)
}

func (a *Address) parseKeys(query string) error {
	if query == "" {
		return nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return fmt.Errorf("%w: %q is not key=value", ErrAddress, pair)
		}
		value, err := unescape(value)
		if err != nil {
			return err
		}
		if err := a.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func unescape(text string) (string, error) {
	plain, err := url.PathUnescape(text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrAddress, err)
	}
	if strings.ContainsRune(plain, 0) {
		return "", fmt.Errorf("%w: a name cannot hold a NUL byte", ErrAddress)
	}
	return plain, nil
}

// Size takes the key's value as a number of bytes, with an optional suffix
// k, m or g (powers of 1024), or fallback when the address does not have it.
// A value outside lowest…highest is reported by Done.
func (a *Address) Size(key string, fallback, lowest, highest int) int {
	text, found := a.take(key)
	if !found {
		return fallback
	}
	size, err := parseSize(text)
	if err != nil || size < uint64(lowest) || size > uint64(highest) {
		a.fail(fmt.Errorf("%w: %s=%s: want a size from %s to %s", ErrAddress, key, text, formatSize(lowest), formatSize(highest)))
		return fallback
	}
	return int(size)
}

// Power is Size where only a power of two will do.
func (a *Address) Power(key string, fallback, lowest, highest int) int {
	size := a.Size(key, fallback, lowest, highest)
	if size&(size-1) != 0 {
		a.fail(fmt.Errorf("%w: %s=%d is not a power of two", ErrAddress, key, size))
		return fallback
	}
	return size
}

// Choice takes the key's value, which must be one of choices; the first is
// the one meant when the address does not have the key.
func (a *Address) Choice(key string, choices ...string) string {
	text, found := a.take(key)
	if !found {
		return choices[0]
	}
	for _, choice := range choices {
		if text == choice {
			return text
		}
	}
	a.fail(fmt.Errorf("%w: %s=%s: want %s", ErrAddress, key, text, strings.Join(choices, " or ")))
	return choices[0]
}

// Limit takes the key every transport has: the largest message in bytes.
func (a *Address) Limit() int {
	return a.Size("limit", DefaultLimit, 1, MaxLimit)
}

// Done reports the first bad value, else the first key that nobody took.
func (a *Address) Done() error {
	if a.err != nil {
		return a.err
	}
	for _, k := range a.keys {
		if !slices.Contains(a.used, k.name) {
			return fmt.Errorf("%w: unknown key %q: %s knows %s", ErrAddress, k.name, a.Scheme, strings.Join(slices.Sorted(slices.Values(a.used)), ", "))
		}
	}
	return nil
}

// String writes the address back in a form that ParseAddress takes.
func (a Address) String() string {
	text := a.Scheme + ":" + escape(a.Name)
	separator := "?"
	for _, k := range a.keys {
		text += separator + k.name + "=" + escape(k.value)
		separator = "&"
	}
	return text
}

// Named is the same address under another name: the transport's way to say
// where a name really is.
func (a Address) Named(name string) Address {
	a.Name = name
	return a
}

func (a *Address) take(name string) (value string, found bool) {
	a.used = append(slices.Clip(a.used), name) // of this copy of the Address only
	for _, k := range a.keys {
		if k.name == name {
			return k.value, true
		}
	}
	return "", false
}

func (a *Address) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

var escapes = strings.NewReplacer("%", "%25", "?", "%3F", "&", "%26", "\x00", "%00", "\n", "%0A")

func escape(text string) string { return escapes.Replace(text) }

const sizeSuffixes = "kmg"

func parseSize(text string) (uint64, error) {
	shift := 0
	if n := len(text); n > 0 {
		if i := strings.IndexByte(sizeSuffixes, text[n-1]|0x20); i >= 0 {
			text, shift = text[:n-1], 10*(i+1)
		}
	}
	size, err := strconv.ParseUint(text, 10, 32)
	return size << shift, err
}

func formatSize(size int) string {
	suffix := ""
	for i := 0; i < len(sizeSuffixes) && size >= 1024 && size%1024 == 0; i++ {
		size, suffix = size/1024, sizeSuffixes[i:i+1]
	}
	return strconv.Itoa(size) + suffix
}
