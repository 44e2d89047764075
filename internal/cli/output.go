package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// An output is what `recv` writes: a stream as it comes, or a regular file
// that appears whole, or not at all.
type output struct {
	file *os.File
	name string       // for messages
	new  *replacement // nil: a stream
}

// createOutput opens what name means: standard output for "-", a device or a
// FIFO (it waits for the reader of that), or the file that will replace name.
func createOutput(ctx context.Context, name string) (*output, error) {
	if name == "-" {
		return &output{file: os.Stdout, name: "standard output"}, nil
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return createReplacement(name, nil)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "write", Path: name, Err: syscall.EISDIR}
	case info.Mode().IsRegular():
		return createReplacement(name, info)
	}
	file, err := await(ctx, func() (*os.File, error) { return os.OpenFile(name, os.O_WRONLY, 0) })
	return &output{file: file, name: name}, err
}

func createReplacement(name string, old fs.FileInfo) (*output, error) {
	file, replacement, err := newReplacement(name, old)
	o := &output{file: file, name: name, new: replacement}
	return o, o.failed("create", err)
}

func (o *output) write(ctx context.Context, bytes []byte) error {
	_, err := await(ctx, func() (int, error) { return o.file.Write(bytes) })
	return o.failed("write", err)
}

// commit ends the output. It does not fsync: like `cp`, it promises that the
// file is whole, and leaves it to the caller what a power cut may take.
func (o *output) commit() error {
	var err error
	if o.new != nil {
		err = o.new.publish(o.file)
	}
	return o.failed("write", errors.Join(err, o.file.Close()))
}

// discard gives up what commit has not put in place.
func (o *output) discard() {
	if o.new != nil {
		o.new.discard()
	}
}

// fate says what became of an output that was not committed.
func (o *output) fate() string {
	if o.new != nil {
		return o.name + " was not written"
	}
	return o.name + " is incomplete"
}

// failed names the output in an error, rather than the file behind it.
func (o *output) failed(op string, err error) error {
	errno, found := errors.AsType[syscall.Errno](err)
	switch {
	case !found:
		return err
	case errno == syscall.EPIPE:
		return fmt.Errorf("%s %s: nobody reads it any more: %w", op, o.name, errno)
	}
	return &fs.PathError{Op: op, Path: o.name, Err: errno}
}
