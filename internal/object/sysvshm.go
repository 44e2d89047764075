package object

import (
	"context"
	"io/fs"

	"kith/driver"
	"kith/ipc"
	"kith/shm"
)

// A sysvMemory is sysvshm:NAME?size=SIZE&mode=MODE.
type sysvMemory struct {
	sysvName
	size int
	mode fs.FileMode
}

func newSysVMemory(a *driver.Address) (Object, error) {
	name, err := parseSysV(a)
	return &sysvMemory{name, a.Size("size", 0, 1, largestSize), mode(a)}, err
}

func (m *sysvMemory) Make(context.Context) error {
	if m.size == 0 {
		return lacking("size=SIZE")
	}
	if err := m.mayMake(); err != nil {
		return err
	}
	segment, err := shm.CreateSysV(m.key, int64(m.size), m.mode)
	if err != nil {
		return err
	}
	m.made(int(segment.ID()))
	return segment.Close()
}

func (m *sysvMemory) segment() (shm.ID, error) {
	id, err := m.find(func(key ipc.Key) (int, error) {
		id, err := shm.FindSysV(key)
		return int(id), err
	})
	return shm.ID(id), err
}

func (m *sysvMemory) Remove() error {
	id, err := m.segment()
	if err != nil {
		return err
	}
	return id.Remove()
}

func (m *sysvMemory) Stat() (Stat, error) {
	id, err := m.segment()
	if err != nil {
		return nil, err
	}
	s, err := id.Stat()
	if err != nil {
		return nil, err
	}
	return m.stat(int(s.ID), s.Perm).
		with("size", s.Size).
		with("attached", s.Attached).with("creator_pid", process(s.CreatorPID)).with("last_pid", process(s.LastPID)).
		with("attach_time", s.AttachTime).with("detach_time", s.DetachTime).with("change_time", s.ChangeTime).
		with("removed", s.Destroyed).with("locked", s.Locked), nil
}

func (m *sysvMemory) Open() (Bytes, error) {
	id, err := m.segment()
	if err != nil {
		return nil, err
	}
	return id.Attach(shm.ReadOnly)
}
