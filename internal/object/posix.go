package object

import (
	"fmt"
	"strings"

	"kith/driver"
)

// memoryDirectory is where glibc keeps POSIX shared memory and semaphores.
const memoryDirectory = "/dev/shm"

// posixName is the name of a POSIX object, with its slash, which the address may
// leave out. Other names are refused that the kernel or glibc would refuse.
func posixName(a *driver.Address, longest int) (string, error) {
	name := strings.TrimPrefix(a.Name, "/")
	switch {
	case name == "" || name == "." || name == ".." || strings.Contains(name, "/"):
		return "", fmt.Errorf("%w: the name %q: want one without a slash, but that it may begin with one", driver.ErrAddress, a.Name)
	case len(name) > longest:
		return "", fmt.Errorf("%w: a name of %d bytes: %s: takes at most %d", driver.ErrAddress, len(name), a.Scheme, longest)
	}
	return "/" + name, nil
}
