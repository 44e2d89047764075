package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"kith/internal/object"
)

func rmCommand() *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "rm ADDR...",
		Short: "Remove objects of the kernel's",
		Long: `Remove each object, and print the address of each that was removed. What cannot
be removed does not keep the others from it.

Shared memory, POSIX objects, FIFOs and files lose their name: whoever uses them
goes on with them. System V semaphores and queues are gone at once: whoever waits
in them gets an error (EIDRM). fifo: removes FIFOs alone, file: regular files.

` + plainExitHelp,
		Example: `  kith rm posixshm:frames sysvsem:0x2a mq:jobs
  kith rm sysvmq:id:17`,
		Args:              someAddresses,
		ValidArgsFunction: completeObjects(anyNumber),
		RunE: func(_ *cobra.Command, args []string) error {
			return runRm(args, force)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "it is no error where an object is not there")
	return cmd
}

func runRm(addresses []string, force bool) error {
	objects, err := objectsAt(addresses)
	if err != nil {
		return err
	}
	var failed []error
	for _, o := range objects {
		failed = append(failed, remove(o, force))
	}
	return errors.Join(failed...)
}

func remove(o object.Object, force bool) error {
	err := o.Remove()
	switch {
	case err == nil:
		_, err = fmt.Println("removed", o.Address())
		return err
	case force && gone(err):
		return nil
	case errors.Is(err, fs.ErrNotExist): // no reason to make one
		return named(o, err)
	}
	return about(o, err)
}
