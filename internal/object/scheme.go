package object

import (
	"fmt"
	"strings"

	"kith/driver"
)

// A Scheme is a kind of object.
type Scheme struct {
	Name    string // as in its addresses, without the colon
	Summary string
	// Names are those of the objects that are there, for completion; nil where
	// the names are paths.
	Names func() []string

	at func(a *driver.Address) (Object, error) // takes the keys that it knows
}

// Schemes are all kinds.
func Schemes() []Scheme {
	return []Scheme{
		{"sysvshm", "System V shared memory", namesIn("/proc/sysvipc/shm"), newSysVMemory},
		{"posixshm", "POSIX shared memory", memoryNames, newPOSIXMemory},
		{"sysvsem", "a set of System V semaphores", namesIn("/proc/sysvipc/sem"), newSysVSemaphores},
		{"posixsem", "a POSIX semaphore", semaphoreNames, newPOSIXSemaphore},
		{"sysvmq", "a System V message queue", namesIn("/proc/sysvipc/msg"), newSysVQueue},
		{"mq", "a POSIX message queue", queueNames, newPOSIXQueue},
		{"fifo", "a named pipe", nil, newFIFO},
		{"file", "a file", nil, newFile},
	}
}

func schemeOf(name string) (Scheme, error) {
	var have []string
	for _, s := range Schemes() {
		if s.Name == name {
			return s, nil
		}
		have = append(have, s.Name)
	}
	return Scheme{}, fmt.Errorf("%w: %q is no scheme of a kernel object: have %s", driver.ErrAddress, name, strings.Join(have, ", "))
}
