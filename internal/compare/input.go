package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// madeSize is how many bytes are made where the caller names no input.
const madeSize = 64 << 20

// An Input is the file that every transport carries, and what must arrive.
type Input struct {
	Source string `json:"source"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`

	path string
}

// prepareInput makes ready what name means: a file, "-" for stdin, "" for
// bytes made from a fixed seed. What cannot be read once for each transport is
// first copied into dir.
//
// No context reaches a read from a pipe that says nothing. When ctx ends in
// one, it is left behind, and ends with the process or with the next byte.
func prepareInput(ctx context.Context, name string, stdin io.Reader, dir string) (Input, error) {
	type outcome struct {
		input Input
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		input, err := readInput(ctx, name, stdin, dir)
		done <- outcome{input, err}
	}()
	select {
	case o := <-done:
		return o.input, o.err
	case <-ctx.Done():
		return Input{}, context.Cause(ctx)
	}
}

func readInput(ctx context.Context, name string, stdin io.Reader, dir string) (Input, error) {
	switch name {
	case "":
		made := io.LimitReader(rand.NewChaCha8([32]byte{}), madeSize)
		return spool(ctx, "made from a fixed seed", made, dir)
	case "-":
		return spool(ctx, "standard input", stdin, dir)
	}
	file, err := os.Open(name)
	if err != nil {
		return Input{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Input{}, err
	}
	if !info.Mode().IsRegular() {
		return spool(ctx, name, file, dir)
	}
	return digest(ctx, Input{Source: name, path: name}, file, io.Discard)
}

func spool(ctx context.Context, source string, from io.Reader, dir string) (Input, error) {
	path := filepath.Join(dir, "input")
	copied, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Input{}, err
	}
	input, err := digest(ctx, Input{Source: source, path: path}, from, copied)
	if closeErr := copied.Close(); err == nil {
		err = closeErr
	}
	return input, err
}

// digest copies from into to, and notes its length and SHA-256.
func digest(ctx context.Context, input Input, from io.Reader, to io.Writer) (Input, error) {
	hash := sha256.New()
	var err error
	input.Bytes, err = io.Copy(io.MultiWriter(to, hash), untilDone{ctx, from})
	input.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return input, err
}

// untilDone is a reader that ends with its context, between two reads.
type untilDone struct {
	ctx  context.Context
	from io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(p)
}
