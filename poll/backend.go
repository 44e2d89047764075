package poll

import "golang.org/x/sys/unix"

// A Backend is the system call by which a set waits.
type Backend int

// The backends; see the package's documentation on which to use.
const (
	Epoll Backend = iota
	Poll
	Select
)

var backendNames = [...]string{Epoll: "epoll", Poll: "poll", Select: "select"}

// Backends is all of them, from that which looks least to that which looks most.
func Backends() []Backend { return []Backend{Epoll, Poll, Select} }

// String is the name: epoll, poll or select.
func (b Backend) String() string {
	if b < 0 || int(b) >= len(backendNames) {
		return "unknown backend"
	}
	return backendNames[b]
}

// MarshalText is String, for flags and JSON.
func (b Backend) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a name; others are EINVAL.
func (b *Backend) UnmarshalText(text []byte) error {
	for known, name := range backendNames {
		if name == string(text) {
			*b = Backend(known)
			return nil
		}
	}
	return unix.EINVAL
}
