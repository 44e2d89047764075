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
// What Do and Wait cannot have at once, they wait for in a thread, until it comes or
// the context ends, and then nothing has changed: see package ipc, also for how many can.
//
// # Errors
//
// They are *os.PathError where there is a name or a key, *os.SyscallError where
// there is none, and match what the man pages promise, as unix.EIDRM, by
// errors.Is. A limit of the machine is an [ipc.LimitError] inside.
package sem
