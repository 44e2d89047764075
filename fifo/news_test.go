package fifo

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// event is one of inotify's.
func event(inode int32) []byte {
	e := binary.NativeEndian.AppendUint32(nil, uint32(inode))
	e = binary.NativeEndian.AppendUint32(e, unix.IN_OPEN)
	e = binary.NativeEndian.AppendUint32(e, 0)
	return binary.NativeEndian.AppendUint32(e, 0)
}

// Several events come at once: each is told to all who watch that file, and to no
// others.
func TestNewsOfSeveral(t *testing.T) {
	watches := map[int][]*watch{}
	i := &instance{watches: map[int]map[*watch]struct{}{}}
	for inode := range 3 {
		i.watches[inode] = map[*watch]struct{}{}
		for range 2 {
			w := &watch{news: make(chan struct{}, 1)}
			i.watches[inode][w] = struct{}{}
			watches[inode] = append(watches[inode], w)
		}
	}
	i.tell(append(append(append(event(0), event(7)...), event(-1)...), append(event(2), event(2)...)...))
	for inode, some := range watches {
		for _, w := range some {
			if told, want := len(w.news) == 1, inode != 1; told != want {
				t.Errorf("told of file %d: %v", inode, told)
			}
		}
	}
	i.tell(event(1)[:unix.SizeofInotifyEvent-1]) // which the kernel does not do
	if len(watches[1][0].news) > 0 {
		t.Error("half an event was told")
	}
}
