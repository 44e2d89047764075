package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/rendezvous"
	"kith/internal/sys"
)

// The FIFOs of a name, in the order in which they are put in place: the one
// that dialers open first comes last.
const (
	back   = ".out"
	toward = ".in"
	turns  = ""
)

// capacity is what is asked for in each FIFO, in bytes: with the kernel's 64 KiB,
// a writer of large messages sleeps and wakes for each of them.
const capacity = 1 << 20

var fifoSuffixes = []string{back, toward, turns}

// A fifoName is a name that a listener has made.
type fifoName struct {
	path string
	made []fs.FileInfo // what stands at path+fifoSuffixes: only that is ever removed
	open *caller       // our ends of what stands there
}

func makeFIFOs(ctx context.Context, path string) (*fifoName, error) {
	unlock, err := rendezvous.LockDirectory(ctx, path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := clearFIFOs(path); err != nil {
		return nil, err
	}
	name := &fifoName{path: path}
	if err := name.replace(); err != nil {
		_ = name.Close()
		return nil, err
	}
	return name, nil
}

// clearFIFOs removes what a listener left that died: without it, nobody has the
// incoming FIFO open for reading.
func clearFIFOs(path string) error {
	reader, err := fifo.OpenWriter(path + toward)
	switch {
	case err == nil:
		_ = reader.Close()
		return inUse(path, "a living process listens there")
	case errors.Is(err, fifo.ErrNotFIFO):
		return inUse(path+toward, "not a FIFO")
	case !errors.Is(err, unix.ENXIO) && !errors.Is(err, unix.ENOENT):
		return err
	}
	for _, suffix := range fifoSuffixes {
		if err := removeFIFO(path + suffix); err != nil {
			return err
		}
	}
	return nil
}

func removeFIFO(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.Mode().Type() != fs.ModeNamedPipe {
		return inUse(path, "not a FIFO")
	}
	return errors.Join(err, os.Remove(path))
}

func inUse(path, why string) error {
	return &os.PathError{Op: "listen", Path: path, Err: fmt.Errorf("%w: %s", unix.EADDRINUSE, why)}
}

// replace puts fresh FIFOs in place, with our ends open before a dialer can
// find them: a FIFO without a reader is a dead listener's.
func (n *fifoName) replace() error {
	var made []fs.FileInfo
	for _, suffix := range fifoSuffixes {
		fresh := n.path + suffix + ".new"
		_ = os.Remove(fresh) // of one who died here; we hold the name
		if err := fifo.Make(fresh, 0o600); err != nil {
			return err
		}
		info, err := os.Lstat(fresh)
		if err != nil {
			return err
		}
		made = append(made, info)
	}
	ends, err := openEnds(n.path)
	if err != nil {
		return err
	}
	for _, suffix := range fifoSuffixes {
		if err := os.Rename(n.path+suffix+".new", n.path+suffix); err != nil {
			ends.close()
			return err
		}
	}
	n.made, n.open = made, ends
	return nil
}

// next waits for a dialer's hello, and makes the name ready for another.
func (n *fifoName) next(ctx context.Context) (*caller, error) {
	c := n.open
	bridge := sys.Bridge{SetDeadline: c.hail.SetReadDeadline}
	bridge.Arm(ctx)
	defer bridge.Disarm()
	hello := make([]byte, rendezvous.HelloSize) // written at once, so read at once
	got, err := c.hail.Read(hello)
	if err != nil {
		return nil, bridge.Cause(ctx, err)
	}
	if err := n.replace(); err != nil {
		_, _ = c.out.Write(rendezvous.Refuse(rendezvous.Stream, unix.ENFILE).Bytes())
		return nil, err
	}
	c.hello = hello[:got]
	return c, nil
}

// Close removes the FIFOs that are still ours, and closes our ends.
func (n *fifoName) Close() error {
	for i, info := range n.made {
		path := n.path + fifoSuffixes[i]
		if now, err := os.Lstat(path); err == nil && os.SameFile(now, info) {
			_ = os.Remove(path)
		}
	}
	for _, suffix := range fifoSuffixes {
		_ = os.Remove(n.path + suffix + ".new")
	}
	if n.open != nil {
		n.open.close()
	}
	return nil
}
