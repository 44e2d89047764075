package sys

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Sentinel is an error with words of its own that matches, by errors.Is, the
// errnos which the man pages give for it.
func Sentinel(text string, errnos ...unix.Errno) error { return &sentinel{text, errnos} }

type sentinel struct {
	text   string
	errnos []unix.Errno
}

func (s *sentinel) Error() string { return s.text }

func (s *sentinel) Is(target error) bool {
	errno, is := target.(unix.Errno)
	return is && slices.Contains(s.errnos, errno)
}
