package poll

import (
	"context"
	"errors"
	"testing"
	"time"
)

// What the kernel is told of a deadline: the time that is left, to the nanosecond.
func TestTimeout(t *testing.T) {
	if forEver, err := timeout(t.Context()); forEver != nil || err != nil {
		t.Error(forEver, err)
	}
	for _, until := range []time.Duration{300 * time.Microsecond, time.Hour, 290 * 365 * 24 * time.Hour} {
		deadline := time.Now().Add(until)
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		earlier := time.Until(deadline)
		told, err := timeout(ctx)
		later := time.Until(deadline)
		if err != nil && later > 0 {
			t.Error(err)
		} else if err == nil && (told.Nano() > int64(min(earlier, longest)) || told.Nano() < int64(min(later, longest))) {
			t.Errorf("%v is left, told %v", later, told)
		}
		cancel()
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if told, err := timeout(ctx); told != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(told, err)
	}
	ended, end := context.WithCancelCause(ctx)
	end(errors.ErrUnsupported)
	if _, err := timeout(ended); err == nil {
		t.Error("it goes on")
	}
}
