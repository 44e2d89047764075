// Package mq is the kernel's message queues, without cgo: those of POSIX
// (mq_overview(7)), which are a [Queue], and those of System V (sysvipc(7)), which
// are a [SysV]. Programs in any language use the same queues: mq_open and msgget of
// C, sysv_ipc and posix_ipc of Python.
//
// # Which kind
//
//	                    Queue (POSIX)                      SysV
//	name                /name, below /dev/mqueue           a key, or an identifier
//	order               by priority, oldest first          by age; a receiver may pick by type
//	holds               so many messages (10)              so many bytes (16,384)
//	a message           at most as long as the queue       at most MSGMAX, for the whole machine
//	                    allows (8,192 bytes)               (8,192 bytes)
//	a waiting call      parks its goroutine                holds a thread
//	poll, epoll         yes                                no
//	notification        yes                                no
//	peek                no                                 yes
//	removed             the name at once, the queue with   at once: who waits gets EIDRM
//	                    its last descriptor
//
// Both keep their messages when all processes have gone, until the machine goes
// down or the queue is removed. A message is sent and received whole, by exactly
// one receiver, and is lost with a receiver that dies after taking it. A Queue is
// the one to choose, unless the others use System V, or types are needed.
//
// # Errors
//
// They are *os.PathError for a Queue and *os.SyscallError for a SysV, which match
// what the man pages promise by errors.Is, and [ErrEmpty] and [ErrFull] where a
// Try would have to wait. A limit of the machine or of the queue is an
// *[ipc.LimitError] among them: it names the limit, its value, and where to raise it.
// A buffer that is too short matches io.ErrShortBuffer too, and the message stays.
//
// The end of a context is the cause of its end, in the same wrapping. A call that
// fails so has sent or taken nothing.
//
// # Waiting
//
// A SysV waits in a thread, until its turn comes or the context ends: see package ipc,
// also for how many can.
//
// A Queue waits in Go's poller, and holds no thread. But the kernel hands a message
// to a process that is blocked in mq_receive(3) before anybody who polls sees it.
package mq
