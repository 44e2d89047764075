package object

import (
	"context"
	"io/fs"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/shm"
)

// A posixMemory is posixshm:NAME?size=SIZE&mode=MODE.
type posixMemory struct {
	name string
	size int
	mode fs.FileMode
}

func newPOSIXMemory(a *driver.Address) (Object, error) {
	name, err := posixName(a, unix.NAME_MAX)
	return &posixMemory{name, a.Size("size", 0, 1, largestSize), mode(a)}, err
}

func (m *posixMemory) Address() string {
	return driver.Address{Scheme: "posixshm", Name: m.name}.String()
}

func (m *posixMemory) Make(context.Context) error {
	if m.size == 0 {
		return lacking("size=SIZE")
	}
	segment, err := shm.CreatePOSIX(m.name, int64(m.size), m.mode)
	if err != nil {
		return err
	}
	return segment.Close()
}

func (m *posixMemory) Remove() error { return shm.UnlinkPOSIX(m.name) }

func (m *posixMemory) Stat() (Stat, error) {
	return stat(m.Address(), memoryDirectory+m.name, 0, errNotRegular)
}

func (m *posixMemory) Open() (Bytes, error) { return openRegular(memoryDirectory + m.name) }
