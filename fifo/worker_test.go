package fifo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

// A working process of ours: it obeys what testdata/peer.c does.
type working struct {
	file     *os.File
	sessions *fifo.Sessions
}

func worker([]string) error {
	w := &working{}
	for {
		words := strings.Fields(kithtest.Hear())
		answer, err := w.obey(words)
		if err != nil {
			answer = outcome(err)
		}
		kithtest.Say(answer)
	}
}

func (w *working) obey(words []string) (answer string, err error) {
	ctx := context.Background()
	switch words[0] {
	case "open":
		w.file, err = open(ctx, words[1], words[2])
	case "read":
		return w.read()
	case "write":
		_, err = w.file.WriteString(words[1])
	case "flood":
		return "", w.flood(ctx, words[1], words[2])
	case "drain":
		_, err = io.Copy(io.Discard, w.file)
	case "close":
		err = w.file.Close()
	case "make":
		err = fifo.Make(words[1], 0o666)
	case "remove":
		err = fifo.Remove(words[1])
	default:
		return w.obeyMore(words)
	}
	return "ok", err
}

func (w *working) obeyMore(words []string) (answer string, err error) {
	switch words[0] {
	case "sessions":
		w.sessions, err = fifo.OpenSessions(words[1])
	case "session":
		return w.session()
	case "inherit":
		number, _ := strconv.Atoi(words[1])
		w.file, err = fifo.Inherit(uintptr(number), "inherited")
	default:
		err = errors.New("what is " + words[0])
	}
	return "ok", err
}

func open(ctx context.Context, how, path string) (*os.File, error) {
	switch how {
	case "r":
		return fifo.Open(ctx, path, os.O_RDONLY)
	case "w":
		return fifo.Open(ctx, path, os.O_WRONLY)
	case "rn":
		return fifo.OpenReader(path)
	case "wn":
		return fifo.OpenWriter(path)
	}
	return fifo.OpenBoth(path)
}

func (w *working) read() (string, error) {
	buffer := make([]byte, 65536)
	n, err := w.file.Read(buffer)
	if errors.Is(err, io.EOF) {
		return "end", nil
	}
	return "got " + string(buffer[:n]), err
}

func (w *working) flood(ctx context.Context, letter, size string) error {
	n := 0
	_, _ = fmt.Sscan(size, &n)
	records, err := fifo.NewRecordWriter(w.file)
	for err == nil {
		err = records.Write(ctx, bytes.Repeat([]byte(letter), n))
	}
	return err
}

func outcome(err error) string {
	for number := unix.Errno(1); number < 200; number++ {
		if errors.Is(err, number) {
			return errno(number)
		}
	}
	return err.Error()
}
