package kith

import "kith/driver"

// OpError is every error of this package: the operation, the address and the
// cause. It is a net.Error.
type OpError = driver.OpError

// What a call can fail with, beside errnos and the errors of io, net and
// context. All are matched with errors.Is.
var (
	ErrPeerDied   = driver.ErrPeerDied   // the peer's stream ended without a goodbye
	ErrAddress    = driver.ErrAddress    // the address cannot be right
	ErrNoListener = driver.ErrNoListener // nobody listens at the address
	ErrProtocol   = driver.ErrProtocol   // the peer does not speak kith, or breaks its rules
	ErrVersion    = driver.ErrVersion    // the peer speaks no version or byte order of ours
	ErrTooLarge   = driver.ErrTooLarge   // the message is over the limit of one side; nothing was sent
	ErrBroken     = driver.ErrBroken     // an earlier Send was cut off in its message
	ErrSendClosed = driver.ErrSendClosed // send after CloseSend
	ErrConcurrent = driver.ErrConcurrent // two send, or two receive, at once
)
