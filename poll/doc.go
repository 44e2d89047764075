// Package poll waits for many descriptors at once: select(2), poll(2) and epoll(7)
// behind one [Set].
//
// A source is anything that lends its descriptor, a syscall.Conn: *os.File (a FIFO, a
// pipe, a terminal, an eventfd, a pidfd, a timerfd, a signalfd, an inotify instance, an
// epoll), net.Conn and net.Listener of package net, *mq.Queue and *mq.Notification. Wrap a
// bare number by os.NewFile, which owns it from then on.
//
// # Which backend
//
// [Epoll] looks only at what is ready: a Wait costs the same for 10 sources and for
// 10,000. It waits in Go's poller, and holds no thread. [Poll] and [Select] look at each
// source in each Wait, and while they wait, each set holds a thread, of the 2,000 that
// package ipc tells of. Select knows descriptors below 1024 only. They tell of levels
// only; OneShot is made of levels.
//
// # Closing
//
// Remove a source before you close it. If it was closed, and its number belongs
// to another file by now, the set never takes one for the other: whatever comes, it
// first asks the source whether it is open still. An epoll keeps waiting for a file that
// was closed while a duplicate is open (dup(2), fork(2), SCM_RIGHTS), and cannot be told
// to stop, as the number that names it is gone (epoll(7), "Questions and answers"). A Set
// then changes to a fresh epoll.
//
// # Traps of the sources
//
// A FIFO opened for reading hangs up at its last writer, and again at each Wait of a
// level: package fifo has an open that keeps it alive. A signalfd hears only of signals
// that every thread of the process blocks. Go's threads do so only for those that were
// blocked when the process started; use signal.Notify and [Set.Wake]. An inotify
// instance that was not read in time loses events, and says so by one (IN_Q_OVERFLOW). A
// pidfd is readable when its process has ended, reaped or not. A file of a FUSE file
// system asks its server at each look: one that is silent holds up who looks, whatever
// becomes of the context, and in an Epoll all that Go's poller waits for. Use a Poll for it.
package poll
