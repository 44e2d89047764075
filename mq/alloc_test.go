//go:build !race

// The race detector makes a sync.Pool forget.

package mq_test

import (
	"bytes"
	"context"
	"testing"

	"kith/mq"
)

func TestQueueAllocatesNothing(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 64})
	message, buffer := bytes.Repeat([]byte("x"), 64), make([]byte, 64)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if n := testing.AllocsPerRun(1000, func() {
		if err := q.Send(ctx, message, 0); err != nil {
			t.Fatal(err)
		}
		if _, _, err := q.Receive(ctx, buffer); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func TestSysVAllocatesNothing(t *testing.T) {
	q, _ := createSysV(t)
	message, buffer := bytes.Repeat([]byte("x"), 64), make([]byte, 64)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if n := testing.AllocsPerRun(1000, func() {
		if err := q.Send(ctx, message, 1); err != nil {
			t.Fatal(err)
		}
		if _, _, err := q.Receive(ctx, mq.Selection{}, buffer); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}
