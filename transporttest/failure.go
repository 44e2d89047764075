package transporttest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"kith"
)

// failure checks the error of a call that had to fail: its form, and that
// errors.Is finds each of the causes.
func failure(op string, err error, causes ...error) error {
	if err == nil {
		return fmt.Errorf("%s succeeded, want %v", op, causes)
	}
	if err := wellFormed(op, err); err != nil {
		return err
	}
	for _, cause := range causes {
		if !errors.Is(err, cause) {
			return fmt.Errorf("%s failed with %q, want %q", op, err, cause)
		}
	}
	return nil
}

// wellFormed checks what holds of every error of kith.
func wellFormed(op string, err error) error {
	opError, ok := errors.AsType[*kith.OpError](err)
	if !ok {
		return fmt.Errorf("%s: %T (%v) is no *kith.OpError", op, err, err)
	}
	if opError.Op != op {
		return fmt.Errorf("%s failed with the Op %q: %v", op, opError.Op, err)
	}
	if !strings.Contains(opError.Addr, ":") || !strings.Contains(err.Error(), opError.Addr) {
		return fmt.Errorf("%s: %q does not name the address (%q)", op, err, opError.Addr)
	}
	netError, ok := errors.AsType[net.Error](err)
	if !ok {
		return fmt.Errorf("%s: %v is no net.Error", op, err)
	}
	if netError.Timeout() != errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s: Timeout and os.ErrDeadlineExceeded do not agree on %v", op, err)
	}
	if errors.Is(err, io.EOF) && errors.Is(err, kith.ErrPeerDied) {
		return fmt.Errorf("%s: %v is both a goodbye and a death", op, err)
	}
	return nil
}
