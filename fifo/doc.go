// Package fifo is named pipes (fifo(7)), and unnamed ones between related processes
// (pipe(7)), without ever holding a thread: what it opens parks in Go's poller and
// obeys deadlines, and each call that waits takes a context. On the other end may
// be any program that opens a file.
//
// # The traps of a FIFO, and what is made of them
//
//   - open(2) waits for the other side, in the kernel, where no context ends it.
//     [Open] waits as open(2) does, parked.
//   - With O_NONBLOCK, a reader sees an end before the first writer came ([OpenReader]),
//     and a writer fails without a reader ([OpenWriter], ENXIO). [OpenBoth] waits for
//     nobody, and its reads never end.
//   - A reader that closes and opens again to meet the next writer loses what came in
//     between, and kills writers with SIGPIPE. [Sessions] tell the end of each session of
//     writers, and go on with the same descriptor.
//   - Writes of more than PIPE_BUF bytes, 4,096, mix with those of other processes; so can a
//     bufio.Writer's, which cuts where its buffer ends. A [RecordWriter] writes a record
//     whole or not at all.
//   - What is in a FIFO is lost when the last process closes it. The name stays: [Remove].
//   - A second reader takes its part of the bytes, wherever they are cut.
//   - Who may write to a FIFO may also fill it, and read it if its mode says so: give the
//     mode to [Make], and place it where others cannot replace it. What is no FIFO by now
//     is [ErrNotFIFO].
//   - On a file system of a network, a FIFO joins the processes of one machine alone.
//
// # Which to open
//
//	               waits for     reads when nobody writes   writes when nobody reads
//	Open           the other     end                        EPIPE
//	               side
//	OpenReader     nobody        end                        -
//	OpenWriter     nobody, but   -                          EPIPE
//	               ENXIO
//	OpenBoth       nobody        wait                       wait in the FIFO
//	Sessions       Next: a       end, once for each         -
//	               writer        session
//
// # Pipes
//
// [Pipe] makes an unnamed pipe, of which a child inherits an end; in Go it takes it by
// [Inherit]. [Capacity], [SetCapacity] and [Enlarge] are for both kinds, and so are the
// calls that move pages instead of copying bytes: [Splice] between a pipe and anything,
// [Tee] between two pipes, [Vmsplice] out of memory.
//
// # Errors
//
// They are *os.PathError where there is a name and *os.SyscallError where there is none,
// and match what the man pages promise by errors.Is. A limit of the machine is an
// *ipc.LimitError among them: it names the limit, its value, and where to raise it. The
// end of a context is the cause of its end, in the same wrapping.
package fifo
