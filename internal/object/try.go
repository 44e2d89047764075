package object

import (
	"context"
	"errors"
	"fmt"
)

// firstTry tries before it waits, whatever is left of ctx. Where that ends, the
// error is that of the try, too.
func firstTry(ctx context.Context, busy error, try, wait func() error) error {
	err := try()
	if !errors.Is(err, busy) {
		return err
	}
	if err = wait(); err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", busy, err)
	}
	return err
}
