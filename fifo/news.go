package fifo

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// listen passes on what happens, until the instance is closed.
func (i *instance) listen() {
	buffer := make([]byte, 64*unix.SizeofInotifyEvent)
	for {
		n, err := i.file.Read(buffer)
		if err != nil {
			return
		}
		i.tell(buffer[:n])
	}
}

// tell reads events as inotify(7) has them:
//
//	at 0   int32   the number of the watch; -1: events were lost
//	   4   uint32  what happened
//	   8   uint32  a cookie
//	  12   uint32  the length of a name, which follows: 0 for what is no directory
func (i *instance) tell(events []byte) {
	watching.Lock()
	defer watching.Unlock()
	for ; len(events) >= unix.SizeofInotifyEvent; events = events[unix.SizeofInotifyEvent:] {
		for w := range i.watches[int(int32(binary.NativeEndian.Uint32(events)))] {
			w.tell()
		}
	}
}

func (w *watch) tell() {
	select {
	case w.news <- struct{}{}:
	default: // it has not looked yet, and will find this too
	}
}
