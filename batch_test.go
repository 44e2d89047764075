package kith_test

import (
	"context"
	"fmt"
	"log"
	"slices"
	"testing"

	"kith"
)

// A batch for which nobody has a place, and places for a batch that is not asked for.
func TestBatchOfNothing(t *testing.T) {
	for _, scheme := range []string{"shm", "unix"} {
		a, b := both(t, at(scheme, alone(t)))
		defer a.Close()
		defer b.Close()
		if n, err := a.SendBatch(t.Context(), nil); n != 0 || err != nil {
			t.Errorf("%s: %d, %v", scheme, n, err)
		}
		if n, err := b.ReceiveBatch(t.Context(), nil); n != 0 || err != nil {
			t.Errorf("%s: %d, %v", scheme, n, err)
		}
	}
}

// Batches allocate nothing, once there is memory for them.
func TestBatchAllocatesNothing(t *testing.T) {
	for _, scheme := range []string{"shm", "unix"} {
		a, b := both(t, at(scheme, alone(t)))
		batch, places := slices.Repeat([][]byte{make([]byte, 64)}, 16), make([][]byte, 16)
		ctx := context.Background()
		allocs := testing.AllocsPerRun(200, func() {
			if _, err := a.SendBatch(ctx, batch); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < len(batch); {
				n, err := b.ReceiveBatch(ctx, places)
				if err != nil {
					t.Fatal(err)
				}
				got += n
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a batch", scheme, allocs)
		}
		a.Close()
		b.Close()
	}
}

// Many small messages: each arrives alone, for a fraction of the price.
func ExampleConn_SendBatch() {
	ctx := context.Background()
	l, err := kith.Listen(ctx, "shm:example-batch")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := kith.Dial(ctx, l.Addr())
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.SendBatch(ctx, [][]byte{[]byte("bread"), []byte("butter"), []byte("jam")}); err != nil {
			log.Fatal(err)
		}
	}()
	conn, err := l.Accept(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	places := make([][]byte, 16)
	for got := 0; got < 3; {
		n, err := conn.ReceiveBatch(ctx, places)
		if err != nil {
			log.Fatal(err)
		}
		for _, msg := range places[:n] {
			fmt.Printf("%s\n", msg)
		}
		got += n
	}
	// Output:
	// bread
	// butter
	// jam
}
