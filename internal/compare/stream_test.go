package compare

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func startPair(t *testing.T, name string) *Pair {
	t.Helper()
	at, err := Place()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := Start(t.Context(), find(t, name), at, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.Close)
	return pair
}

// What is sent after the sum was taken differs in one bit.
func TestStreamNoticesOneBit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "input")
	content := make([]byte, 3*streamChunk+17)
	write := func() {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	input, err := prepareInput(t.Context(), path, nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair := startPair(t, "unix")
	if _, err := pair.Stream(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	content[len(content)-1] ^= 1
	write()
	if _, err := pair.Stream(t.Context(), input); err == nil || !strings.Contains(err.Error(), input.SHA256) {
		t.Errorf("one bit differs, and Stream says %v", err)
	}
}

func TestStreamOfNothing(t *testing.T) {
	input, err := prepareInput(t.Context(), "-", strings.NewReader(""), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if arrival, err := startPair(t, "unix").Stream(t.Context(), input); err != nil || arrival.Bytes != 0 {
		t.Errorf("got %+v, %v", arrival, err)
	}
}

// A pipe that says nothing does not keep a run that is cut short.
func TestInputCancelled(t *testing.T) {
	silence, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer silence.Close()
	defer writer.Close()
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := prepareInput(ctx, "-", silence, t.TempDir()); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}

func TestCheckNoticesEveryByte(t *testing.T) {
	payload := make([]byte, 4*blockSize)
	fill(payload, 7)
	if err := check(payload, len(payload), 7); err != nil {
		t.Fatal(err)
	}
	if check(payload, len(payload), 8) == nil || check(payload[1:], len(payload), 7) == nil {
		t.Error("another number or size passes")
	}
	for i := range payload {
		payload[i] ^= 1
		if check(payload, len(payload), 7) == nil {
			t.Errorf("byte %d changed, and check does not notice", i)
		}
		payload[i] ^= 1
	}
}
