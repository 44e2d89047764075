package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"kith/internal/object"
)

func mkCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "mk ADDR",
		Short: "Make a shared memory, semaphores, a queue, a FIFO or a file",
		Long: `Make an object of the kernel's, and print its address in full. The keys of ADDR
say how, and nothing is made where one of them is wrong; quote ADDR, for shells
mean something by ? and &:

  sysvshm:KEY     size=SIZE                        System V shared memory
  posixshm:NAME   size=SIZE                        POSIX shared memory
  sysvsem:KEY     values=1,0,5  or count=NUMBER    System V semaphores
  posixsem:NAME   value=NUMBER                     a POSIX semaphore
  sysvmq:KEY      maxbytes=SIZE                    a System V message queue
  mq:NAME         maxmsg=NUMBER and msgsize=SIZE   a POSIX message queue
  fifo:NAME                                        a named pipe
  file:NAME       size=SIZE                        a file, allocated in full

All take mode=MODE, the permissions in octal (0600), which are set as they are,
whatever the umask. Memory is allocated in full, and zero. What is there already
is left as it is, and is an error. Where the address cannot be printed, what was
made is removed again. A SIZE is in bytes, or has a suffix k, m or g.

A KEY is a number as ipcs(1) shows it, 42 or 0x2a; or a /path with project=NUMBER,
as ftok(3) takes it; or private, for a new object without a key, which then goes
by the id:NUMBER that is printed. (For other commands, id:NUMBER is one that is
there.)

fifo:NAME and file:NAME are NAME.fifo and NAME.file in kith's directory, unless
NAME is a /path. The FIFO is a plain one, for programs that read and write it:
` + "`kith send` and `kith recv`" + ` make their own, and refuse this one.

` + plainExitHelp,
		Example: `  kith mk 'posixshm:frames?size=64m&mode=0640'
  kith mk 'sysvsem:private?values=1'     # prints sysvsem:id:17
  kith mk 'sysvmq:/srv/app?project=65'   # the key that ftok("/srv/app", 65) gives
  kith mk mq:jobs`,
		Args:              oneAddress,
		ValidArgsFunction: completeSchemes,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runMk(cmd.Context(), args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what stat --json does")
	return cmd
}

func runMk(ctx context.Context, address string, asJSON bool) error {
	o, err := objectAt[object.Object](address, "")
	if err != nil {
		return err
	}
	if err := o.Make(ctx); errors.Is(err, fs.ErrNotExist) { // a directory, say
		return named(o, err)
	} else if err != nil {
		return about(o, err)
	}
	if asJSON {
		err = printStat(o)
	} else {
		_, err = fmt.Println(o.Address())
	}
	if err != nil { // nobody has got its address
		err = errors.Join(err, o.Remove())
	}
	return err
}

// printStat prints a line of JSON.
func printStat(o object.Object) error {
	stat, err := o.Stat()
	if err != nil {
		return about(o, err)
	}
	return json.NewEncoder(os.Stdout).Encode(stat)
}

// completeSchemes is for an object that is not there yet.
func completeSchemes(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	for _, s := range object.Schemes() {
		if len(typed) > len(s.Name) && typed[:len(s.Name)+1] == s.Name+":" && s.Names != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	return completeObjects(1)(cmd, args, typed)
}
