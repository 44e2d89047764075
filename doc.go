// Package kith joins neighbouring processes: whole messages, both ways, over
// shared memory, Unix and Internet sockets, FIFOs and inherited descriptors.
// The address picks the transport; everything else stays the same.
//
//	listener, err := kith.Listen(ctx, "shm:orders")
//	conn, err := listener.Accept(ctx)
//	message, err := conn.Receive(ctx)
//
//	conn, err := kith.Dial(ctx, "shm:orders")
//	err = conn.Send(ctx, []byte("one large tea"))
//
// # Addresses
//
// An address is scheme:name?key=value&key=value, with % escapes. A name that
// starts with / is a path. Any other name may not contain a / and lives in
// $KITH_DIR, else in /run/user/UID/kith, else in /tmp/kith-UID (mode 0700, its
// owner checked); errors print the full path. `tcp:` takes host:port and `fd:`
// the number of an inherited descriptor. Every scheme knows the key
//
//	limit=SIZE   the largest message (64m); the smaller of the two sides' counts
//
// and `shm:`, and `fd:` with via=shm, also
//
//	ring=SIZE    the outgoing ring: a power of two from 4k to 1g (256k)
//
// `shm:`, `unix:` and `unixpacket:` take, of who may meet there (see Option),
//
//	mode=0660, owner=USER, group=GROUP          of the socket (0600, and whoever makes it)
//	allow-uid=USER,… and allow-gid=GROUP,…      at the other end, beside the same user
//
// and `fd:`
//
//	via=socket   frames over the inherited socket itself (the default)
//	via=shm      rings in shared memory, agreed on over the socket; Start's default
//
// Sizes are bytes, or have a suffix k, m or g (powers of 1024).
//
// # Beyond Send and Receive
//
// Conn.SendBatch and ReceiveBatch carry many small messages for the price of few.
// Conn.Reserve, Commit and Lease make and read a message where it lies, without a copy
// on `shm:`. ListenNet and DialNet are net.Listener and net.Conn, for net/http and gRPC.
// Conn.Stats counts.
//
// # Ends
//
// A stream opens with a hello and ends with a goodbye. A peer that closed is
// io.EOF; a peer that died (kill -9, a crash, exit without Close) is
// ErrPeerDied, on every transport, both after everything that it had sent. A
// Send to a peer that is gone fails with EPIPE, at the latest when the buffers
// between the two are full. Over a network (tcp:) a death can cost what had not
// left the dead one's kernel, where the survivor was sending as well.
//
// # Contexts and errors
//
// Every call that can block takes a context first, and parks its goroutine:
// no thread is held. Every error is an *OpError, which errors.Is matches
// against errnos, context.Cause(ctx), os.ErrDeadlineExceeded, net.ErrClosed,
// io.EOF and the sentinels here.
//
// A cancelled Receive can be called again. A Send that is cancelled after its
// first byte breaks the sending half (ErrBroken), for half a message cannot
// be taken back; a Send cancelled before sent nothing and can be called again.
package kith
