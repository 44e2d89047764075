// Package shm is memory that processes share, of every kind that the kernel
// has, behind one type, [Segment] (shm_overview(7), sysvipc(7),
// memfd_create(2), mmap(2)):
//
//	kind     found by                   made by       lives until            can shrink under its users
//	SysV     a key, or an identifier    CreateSysV    removed, no user left  no
//	POSIX    a name, /dev/shm/NAME      CreatePOSIX   removed, no user left  yes
//	memfd    a descriptor that you pass CreateMemfd   no user left           no, with seals
//	file     a path, or a descriptor    CreateFile    as any file            yes
//
// Other programs may share it, whatever they are written in: it is what
// shmat(2), shm_open(3), mmap(2) and Python's multiprocessing.shared_memory
// give them. (Python before 3.13 removes a POSIX segment when a process that
// only opened it ends; see its resource_tracker.)
//
// Memory can be had in two ways. [Segment.ReadAt] and [Segment.WriteAt] copy,
// and whatever other processes do, they return: what would end the process is
// an error. A [View] is the memory itself. Nothing here orders the accesses of
// two processes, and a copy can hold half of another's write: use a lock, a
// semaphore, or the atomic words of a View.
//
// Whoever names a size gets so many bytes allocated in full, and an error where
// the machine does not have them, not a signal later. Each limit of the machine
// that is in the way comes as an [ipc.LimitError], which says where to raise
// it.
//
// Trust: names and keys are first come, first served, so another user may have
// made the segment that you open. Its owner is in [Segment.Stat]; its size, and
// what is in it, may be anything.
package shm
