// Package proc watches processes and control groups over one epoll: who has ended, and how, and
// what ran out of memory.
//
// # How to name a process
//
// A child is best started by [Watcher.Start]: the kernel gives its pidfd with it, and no
// other process can be meant. The PID of a child that was started otherwise is its own
// until somebody waits for it. The PID of any other process may be another's by the
// time it is used: an [Identity] is not, and neither is a pidfd that was passed
// ([Watcher.Pidfd]). A process that neither can name, of another PID namespace or a
// grandchild, tells its end by an exit FIFO ([Watcher.FIFO]).
//
// # Who waits for the children
//
// A Watcher never does. Who started a process waits for it, as ever, before or after
// the event: cmd.Wait gets the status as if nobody had watched, and without it a zombie is
// left. The event comes when all threads of the process have ended, not when its descriptors
// are closed: its children may have these still.
//
// # Closing
//
// A watch ends with its last event, with Remove, or with the watcher's Close. Then its
// descriptors are closed. No event is given to another watch, whoever has got the PID, the
// descriptor's number, or the name of a control group since.
package proc
