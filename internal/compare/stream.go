package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"time"

	"kith"
)

// streamChunk is the size of the messages that carry the input.
const streamChunk = 64 << 10

// A Stream is an order to carry a file from the leader to the follower.
type Stream struct {
	Path string `json:"path"`
}

// An Arrival is what the follower got of it.
type Arrival struct {
	Elapsed time.Duration `json:"elapsed_ns"`
	Bytes   int64         `json:"bytes"`
	SHA256  string        `json:"sha256"`
}

// leadStream sends the file, and an empty message after it. It returns how
// long it took until the follower had it all and its sum.
func leadStream(ctx context.Context, conn *kith.Conn, s Stream) (time.Duration, error) {
	file, err := os.Open(s.Path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if err := awaitEmpty(ctx, conn); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := sendAll(ctx, conn, file); err != nil {
		return 0, err
	}
	err = awaitEmpty(ctx, conn)
	return time.Since(start), err
}

func sendAll(ctx context.Context, conn *kith.Conn, file io.Reader) error {
	chunk := make([]byte, streamChunk)
	for {
		n, err := io.ReadFull(file, chunk)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if sendErr := conn.Send(ctx, chunk[:n]); sendErr != nil || n == 0 {
			return sendErr
		}
	}
}

// followStream takes messages until an empty one.
func followStream(ctx context.Context, conn *kith.Conn) (Arrival, error) {
	if err := conn.Send(ctx, nil); err != nil {
		return Arrival{}, err
	}
	hash, arrival := sha256.New(), Arrival{}
	for {
		message, err := conn.Receive(ctx)
		if err != nil {
			return Arrival{}, err
		}
		if len(message) == 0 {
			break
		}
		hash.Write(message)
		arrival.Bytes += int64(len(message))
	}
	arrival.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return arrival, conn.Send(ctx, nil)
}
