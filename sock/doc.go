// Package sock is what package net leaves out of Unix sockets (unix(7)): descriptors
// that pass from process to process, who the peer is, names as the kernel has them,
// and datagrams that wait for their receiver. The program at the other end may be
// written in any language.
//
// A [Socket] comes from [New], or is made of a *net.UnixConn or an *os.File by [On];
// [Pair] makes two files for that. Calls that may wait take a context and park in Go's
// poller, and any number of goroutines may make them at once; only a Connect to a
// listener whose queue is full waits in a thread (see package ipc).
//
// # Which kind
//
//	            connected    boundaries    the end of the peer    descriptors come
//	Stream      yes          none          io.EOF                 with the first of their bytes
//	Packet      yes          messages      io.EOF                 with their message
//	Datagram    or not       messages      is not told            with their message
//
// None of them loses, doubles or reorders anything (but see Connect for Datagrams), and
// what was sent can be received when its sender is dead. A Packet is the one to choose between two processes, a
// Datagram where many send to one.
//
// # Who may connect
//
// A path is a file: who may write to it may connect and send to it, if he may search
// its directories. (Other systems do not look at the mode, but at the directories.) It
// stays when its process dies, and keeps others from the name (EADDRINUSE) until
// somebody removes it; to whoever connects or sends, it says ECONNREFUSED.
//
// An abstract name has no access control at all: no owner, no mode. Any process of the
// network namespace, whatever its user, may connect and send to it, and may have bound
// it first: then even root cannot. Containers that share the host's network share its
// names. So ask who is there, on both sides ([Peer]), before anything depends on it;
// or use a path.
//
// # Who is there
//
// [Peer] tells who connected, or who listened, and [Socket.PassCred] who sent each
// message. The kernel vouches for that, but it is the past: since then the process may
// have become another user, run another program, passed the socket on or ended, and
// its PID may be another's. A pidfd ([PeerPidfd], [Socket.PassPidfd]) means the same
// process for ever. And a message tells who made the system call, not who wanted it:
// a privileged program can be tricked into writing to a socket that it was given.
//
// # Descriptors
//
// Whoever may send may send descriptors, of whatever he likes: a file on a file system
// whose server is silent, a pipe that blocks. So a caller says how many he expects,
// and gets these or an error; all others are closed. Look at what they are before use.
//
// # Datagrams that wait
//
// A receiver's queue is short: max_dgram_qlen messages and one, 11 usually. When it is
// full, a sender that is not connected gets EAGAIN, but poll(2) says that its socket is
// writable, and under epoll each attempt wakes it anew. So WriteToUnix of package net
// goes round and round until there is room, at the cost of a CPU. [Socket.SendTo]
// waits.
//
// # Errors
//
// They are *os.PathError where the call is about a name, else *os.SyscallError, and match
// what the man pages promise by errors.Is, and [ErrFull] and [ErrEmpty] where a Try would
// have to wait. A limit of the machine is an *[ipc.LimitError] among them. The end of a
// context is the cause of its end, in the same wrapping. io.EOF is bare.
package sock
