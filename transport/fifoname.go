package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/rendezvous"
	"kith/internal/sys"
)

// A fifoName is a name that a listener has made, and the FIFOs which wait there
// for the next dialer.
type fifoName struct {
	path string
	open *pair
}

func makeFIFOs(ctx context.Context, path string) (*fifoName, error) {
	unlock, err := rendezvous.LockDirectory(ctx, path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeDead(path); err != nil {
		return nil, err
	}
	open, err := makePair(path)
	if err != nil {
		return nil, err
	}
	return &fifoName{path: path, open: open}, nil
}

// removeDead removes what a listener left that died: without it, nobody has the
// incoming FIFO open for reading.
func removeDead(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return removeStrays(path)
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeNamedPipe:
		return inUse(path, "not a FIFO")
	}
	writer, err := fifo.OpenWriter(pairPath(path, info) + toListener)
	switch {
	case err == nil:
		_ = writer.Close()
		return inUse(path, "a living process listens there")
	case errors.Is(err, unix.ENOENT):
		return inUse(path, "a FIFO that kith did not make")
	case !errors.Is(err, unix.ENXIO):
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // its listener was closing
		return err
	}
	return removeStrays(path)
}

// removeStrays removes the FIFOs beside a name that no living listener has.
func removeStrays(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		rest, found := strings.CutPrefix(entry.Name(), filepath.Base(path)+".")
		if found && entry.Type() == fs.ModeNamedPipe && isStray(rest) {
			_ = os.Remove(filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
	return nil
}

func isStray(suffix string) bool {
	if suffix == "new" {
		return true
	}
	number, direction, _ := strings.Cut(suffix, ".")
	return number != "" && strings.Trim(number, "0123456789") == "" && ("."+direction == toListener || "."+direction == toDialer)
}

func inUse(path, why string) error {
	return &os.PathError{Op: "listen", Path: path, Err: fmt.Errorf("%w: %s", unix.EADDRINUSE, why)}
}

// next waits for a dialer's hello, and makes the name ready for another.
func (n *fifoName) next(ctx context.Context) (*caller, error) {
	p := n.open
	bridge := sys.Bridge{SetDeadline: p.hail.SetReadDeadline}
	bridge.Arm(ctx)
	defer bridge.Disarm()
	hello := make([]byte, rendezvous.HelloSize) // written at once, so read at once
	got, err := p.hail.Read(hello)
	if err != nil {
		return nil, bridge.Cause(ctx, err)
	}
	fresh, err := makePair(n.path)
	if err != nil { // the old one stays, for this dialer will not use it
		_, _ = p.out.Write(rendezvous.Refuse(rendezvous.Stream, unix.ENFILE).Bytes())
		return nil, err
	}
	n.open = fresh
	p.retire()
	return &caller{pair: p, hello: hello[:got]}, nil
}

// Close removes the name first: a FIFO at path without its pair would be none of
// kith's.
func (n *fifoName) Close() error {
	if stillAt(n.path, n.open.turn) {
		_ = os.Remove(n.path)
	}
	n.open.retire()
	n.open.close()
	return nil
}

// stillAt reports whether path leads to the open file.
func stillAt(path string, file *os.File) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(held, there)
}
