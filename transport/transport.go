// Package transport has kith's local transports, a file for each scheme.
package transport

import (
	"kith/driver"
	"kith/transport/shm"
)

// Local are the transports that need no server and no other module.
var Local = []driver.Transport{shm.Transport{}, Unix, UnixPacket, TCP, FIFO, FD}
