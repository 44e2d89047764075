// Package cli is the command kith: a file for each of its commands.
package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Main runs kith with the arguments of this process and returns its exit
// status. The caller exits with it at once: a call that was blocked when a
// signal came is left behind.
func Main() int {
	ctx, stop := untilInterrupted(context.Background())
	defer stop()
	root := rootCommand()
	started := markStart(root)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if !*started {
		err = usageError{err, cmd.CommandPath()}
	}
	fmt.Fprintln(os.Stderr, "kith: "+message(err))
	return exitStatus(err)
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "kith",
		Short: "Join processes over shared memory, sockets and pipes",
		Long: `Kith joins processes over shared memory, sockets and pipes. An address picks
the transport: shm:orders, unix:/run/orders.sock, tcp:localhost:7000, fifo:orders.

` + exitHelp,
		Version:       version(),
		SilenceErrors: true, // Main prints them, once
		SilenceUsage:  true, // what went wrong is not how to use it

		DisableSuggestions: true, // an error is one line
	}
	root.SetVersionTemplate("kith {{.Version}}\n")
	colourFlag(root)
	root.AddCommand(sendCommand(), recvCommand(), compareCommand())
	return root
}

// markStart tells whether a command came to run: what fails before is usage.
func markStart(root *cobra.Command) *bool {
	started := false
	for _, cmd := range root.Commands() {
		run := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			started = true
			return run(cmd, args)
		}
	}
	return &started
}

// version is what the Go tool wrote into the binary: a tag or a commit.
func version() string {
	kith := "(unknown)"
	if info, found := debug.ReadBuildInfo(); found {
		kith = info.Main.Version
	}
	return fmt.Sprintf("%s, %s %s/%s", kith, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
