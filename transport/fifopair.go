package transport

import (
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"kith/fifo"
)

// The two directions of a pair.
const (
	toListener = ".in"
	toDialer   = ".out"
)

// capacity is what is asked for in each FIFO, in bytes: with the kernel's 64 KiB,
// a writer of large messages sleeps and wakes for each of them.
const capacity = 1 << 20

// A pair is the FIFOs of one connection, and the FIFO whose lock is the turn to
// use them; the listener's ends of all three.
type pair struct {
	path string   // of the pair, without the direction
	turn *os.File // open, so that no other file gets its number
	// hail is the incoming FIFO open both ways: a read from it waits for a
	// dialer, where a read from in would end until there is one.
	hail, in, out *os.File
}

// pairPath is where the pair is that belongs to the FIFO at path: its inode's
// number is in the names, so that one rename replaces all three at once.
func pairPath(path string, turn fs.FileInfo) string {
	return path + "." + strconv.FormatUint(turn.Sys().(*syscall.Stat_t).Ino, 10)
}

// makePair puts fresh FIFOs in place of those at path, with our ends open before
// a dialer can find them: a pair without a reader is a dead listener's.
func makePair(path string) (*pair, error) {
	p, fresh := &pair{}, path+".new"
	err := p.make(fresh, path)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		_ = os.Remove(fresh)
		p.retire()
		p.close()
		return nil, err
	}
	return p, nil
}

// make makes the turn at fresh and, beside path, the pair that belongs to it.
func (p *pair) make(fresh, path string) (err error) {
	if err := makeFIFO(fresh); err != nil {
		return err
	}
	if p.turn, err = fifo.OpenReader(fresh); err != nil {
		return err
	}
	info, err := p.turn.Stat()
	if err != nil {
		return err
	}
	p.path = pairPath(path, info)
	return p.openEnds()
}

// makeFIFO makes a FIFO in place of one that somebody who died here has left; we
// hold the name.
func makeFIFO(path string) error {
	_ = os.Remove(path)
	return fifo.Make(path, 0o600)
}

// openEnds makes the pair and opens our ends. The one for writing needs a reader
// at that moment: ourselves.
func (p *pair) openEnds() (err error) {
	for _, direction := range []string{toListener, toDialer} {
		if err := makeFIFO(p.path + direction); err != nil {
			return err
		}
	}
	if p.hail, err = fifo.OpenBoth(p.path + toListener); err != nil {
		return err
	}
	if p.in, err = fifo.OpenReader(p.path + toListener); err != nil {
		return err
	}
	reader, err := fifo.OpenBoth(p.path + toDialer)
	if err != nil {
		return err
	}
	defer reader.Close()
	if p.out, err = fifo.OpenWriter(p.path + toDialer); err != nil {
		return err
	}
	if _, err = fifo.Enlarge(p.in, capacity); err != nil {
		return err
	}
	_, err = fifo.Enlarge(p.out, capacity)
	return err
}

// retire takes the names of the pair away, and then the turn: until then no
// other pair can have them.
func (p *pair) retire() {
	if p.path != "" {
		_ = os.Remove(p.path + toListener)
		_ = os.Remove(p.path + toDialer)
	}
	closeFiles(p.turn)
}

func (p *pair) close() { closeFiles(p.hail, p.in, p.out) }

func closeFiles(files ...*os.File) {
	for _, file := range files {
		if file != nil {
			_ = file.Close()
		}
	}
}
