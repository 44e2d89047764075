// Package sem is the kernel's semaphores, of both families, on the same objects
// as programs in C, Python or any other language use.
//
// A [Set] is a set of System V semaphores (semget(2), semop(2), semctl(2)): the
// kernel keeps the values. A [Semaphore] is one POSIX semaphore in the layout of
// glibc (sem_overview(7)): its value is a word of shared memory.
//
//	            to take and give it back   several   if its holder dies        how long it lives
//	Set         two system calls           at once   given back (with Undo)    until Remove
//	Semaphore   no system call             no        lost                      until Unlink, and its last user
//
// Choose a Set where a holder may die and others must go on; a Semaphore where
// it is fast and processes trust each other: whoever may use one may write
// anything into its memory, or take the memory away (ErrGone). A lock on a file
// (package lock) is given up by the kernel, too, and belongs to a handle, not to
// a process.
//
// # Waiting
//
// Do and Wait first try in the caller's goroutine. What must wait, waits in the
// kernel in a thread of its own until its context ends: then the thread is
// interrupted, and nothing has changed. Signal 60 does that (see package lock). At most
// 2,000 calls of a process wait, or half as many as its limits allow it threads;
// one more gets an [ipc.LimitError] that matches [ipc.ErrTooManyWaiting]. Where
// RLIMIT_NPROC is low and several processes of the user wait so, they can still
// use it up between them, and Go ends a process that gets no thread.
//
// # Errors
//
// They are *os.PathError where there is a name or a key, *os.SyscallError where
// there is none, and match what the man pages promise, as unix.EIDRM, by
// errors.Is. A limit of the machine is an [ipc.LimitError] inside.
package sem
