// Package stepper runs another process instruction by instruction, and kills it
// between any two of them: so a test can show that no instruction is a bad moment
// to die. The other process is an ordinary Go program, as it is shipped.
//
// It rests on ptrace(2), on linux/amd64. A [Thread] is attached alone (PTRACE_SEIZE),
// while the other threads of its process run free: that is for what one goroutine
// does in a thread of its own (runtime.LockOSThread), a few thousand instructions, some
// 10 µs each. A [Process] has all its threads attached, and new ones with them
// (PTRACE_O_TRACECLONE): that is for what several goroutines do, wherever they run.
//
// Where the test begins and ends is said by the other process itself: it calls
// [runtime.Breakpoint], an INT3, which stops it (a process that nobody traces, it would kill).
//
// A process that is killed while a thread stands between two instructions executes no
// other one there: the kernel looks for the signal before it goes back to the
// program. It dies with its tracer, too (PTRACE_O_EXITKILL).
//
// ptrace takes orders from the thread that attached, and from no other: Seize and
// SeizeAll lock the calling goroutine to its thread until Kill or Finish, and the
// methods are for that goroutine.
//
// The other process is to run with GODEBUG=asyncpreemptoff=1, or the signals by which Go
// preempts goroutines, which are dropped here, come in between; with GOGC=off, or a
// collection waits for the thread that stands still; and with some GOMAXPROCS, since that
// thread keeps one.
package stepper
