package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// socketAt meets at a Unix socket of package net.
func socketAt(side func(net.Conn) link) *meeting {
	return &meeting{
		listen: func(_ context.Context, place string) (func() (link, error), error) {
			listener, err := net.Listen("unix", place+".net")
			if err != nil {
				return nil, err
			}
			return func() (link, error) {
				defer listener.Close()
				conn, err := listener.Accept()
				if err != nil {
					return nil, err
				}
				return side(conn), nil
			}, nil
		},
		dial: func(ctx context.Context, place string) (link, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", place+".net")
			if err != nil {
				return nil, err
			}
			return side(conn), nil
		},
	}
}

const (
	prefix     = 4        // bytes of length before each message
	bufferSize = 64 << 10 // of a bufio.Reader or Writer
)

// A framed link has messages with their length in front, written at once.
type framed struct {
	net.Conn
	from     io.Reader
	to       io.Writer
	buffered *bufio.Writer // to, where there is one
	out, in  []byte
}

// newPlain has a system call for each message that is sent, and two for one that is
// received.
func newPlain(conn net.Conn) link {
	return &framed{Conn: conn, from: conn, to: conn, out: make([]byte, prefix+largest), in: make([]byte, largest)}
}

// newBuffered goes through bufio both ways.
func newBuffered(conn net.Conn) link {
	to := bufio.NewWriterSize(conn, bufferSize)
	return &framed{
		Conn: conn, from: bufio.NewReaderSize(conn, bufferSize), to: to, buffered: to,
		out: make([]byte, prefix+largest), in: make([]byte, largest),
	}
}

func (f *framed) put(number uint64, size int) error {
	binary.BigEndian.PutUint32(f.out, uint32(size))
	fill(f.out[prefix:prefix+size], number)
	_, err := f.to.Write(f.out[:prefix+size])
	return err
}

func (f *framed) flush() error {
	if f.buffered == nil {
		return nil
	}
	return f.buffered.Flush()
}

func (f *framed) take(number uint64, size int) error {
	if _, err := io.ReadFull(f.from, f.in[:prefix]); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(f.in)
	if length > largest {
		return fmt.Errorf("a message of %d bytes", length)
	}
	msg := f.in[:length]
	if _, err := io.ReadFull(f.from, msg); err != nil {
		return err
	}
	return check(msg, size, number)
}
