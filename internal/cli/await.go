package cli

import "context"

// await makes a call that may block and that no context reaches, and returns
// when it is done or ctx has ended: opening, reading or writing a file can
// wait for ever where another process has the other end. (To make standard
// input non-blocking instead would change it for everybody who shares it.)
//
// When ctx ends first, the call goes on behind, with what it uses: the caller
// must touch that no more, and the process is to exit.
func await[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := call()
		done <- outcome{value, err}
	}()
	select {
	case got := <-done:
		return got.value, got.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
