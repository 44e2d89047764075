package cli

import (
	"context"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// An input is what `send` reads.
type input struct {
	*os.File
	size int64 // what is left to read, in bytes; -1 where nobody knows
}

// openInput opens the named file, or takes standard input for "-". It waits
// for the writer of a FIFO.
func openInput(ctx context.Context, name string) (*input, error) {
	file, err := os.Stdin, error(nil)
	if name != "-" {
		file, err = await(ctx, func() (*os.File, error) { return os.Open(name) })
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: file.Name(), Err: syscall.EISDIR}
	case !info.Mode().IsRegular():
		return &input{file, -1}, nil
	}
	at, err := file.Seek(0, io.SeekCurrent)
	return &input{file, info.Size() - at}, err
}
