package cli

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"kith"
)

// The exit statuses. One who was interrupted adds the signal's number, as
// shells do.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitPeerDied = 3
	exitSignal   = 128
)

const exitHelp = `Exit status: 0 done, 1 failed, 2 wrong usage or address, 3 the peer died,
129, 130 or 143 interrupted by SIGHUP, SIGINT (Ctrl-C) or SIGTERM.`

func exitStatus(err error) int {
	if stop, found := errors.AsType[interrupted](err); found {
		return exitSignal + int(stop)
	}
	if own, found := errors.AsType[statusError](err); found {
		return own.status
	}
	_, usage := errors.AsType[usageError](err)
	switch {
	case err == nil:
		return exitDone
	case usage || errors.Is(err, kith.ErrAddress):
		return exitUsage
	case errors.Is(err, kith.ErrPeerDied):
		return exitPeerDied
	}
	return exitFailed
}

// message is an error for people: one line, without the library's prefix.
func message(err error) string {
	if stop, found := errors.AsType[interrupted](err); found {
		return stop.Error()
	}
	text := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "kith: "), "\n", "; ")
	return quoteControls(text)
}

// quoteControls makes of what a name could do to a terminal what can be read.
func quoteControls(text string) string {
	var safe strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) {
			safe.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			safe.WriteRune(r)
		}
	}
	return safe.String()
}

// A usageError is a mistake on the command line of the command.
type usageError struct {
	err     error
	command string
}

func (e usageError) Error() string { return e.err.Error() + "; see `" + e.command + " --help`" }
func (e usageError) Unwrap() error { return e.err }

// A statusError ends kith with a status of its own; without an error in it there
// is nothing to say.
type statusError struct {
	status int
	err    error
}

func (e statusError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}
func (e statusError) Unwrap() error { return e.err }
