package death_test

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// A ledger is a page that two processes share, in which one writes what it has done. It
// survives its writer. Each entry is one aligned word, which a store writes whole.
type ledger []byte

// The entries.
const (
	session   = 8 * iota // the number of the connection that is used
	committed            // how many messages of it have been sent, by calls that returned
)

func openLedger(path string) (ledger, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := file.Truncate(4096); err != nil {
		return nil, err
	}
	return unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func (l ledger) put(entry, value int) { binary.NativeEndian.PutUint64(l[entry:], uint64(value)) }

func (l ledger) get(entry int) int { return int(binary.NativeEndian.Uint64(l[entry:])) }

func (l ledger) close() error { return unix.Munmap(l) }
