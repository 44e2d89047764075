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
	if text := message(err); text != "" {
		fmt.Fprintln(os.Stderr, "kith: "+text)
	}
	return exitStatus(err)
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "kith",
		Short: "Join processes over shared memory, sockets and pipes",
		Long: `Kith joins processes over shared memory, sockets and pipes. An address picks
the transport and the name, scheme:name?key=value&key=value:

  shm:NAME         shared memory        unixpacket:NAME  packets over a socket
  unix:NAME        a Unix socket        fifo:NAME        a pair of named pipes
  tcp:HOST:PORT    over a network

A NAME that starts with / is a path. Any other has no / in it, and lives in
$KITH_DIR, else in /run/user/UID/kith, else in /tmp/kith-UID. Every scheme takes
limit=SIZE, the largest message (64m), and shm: takes ring=SIZE, a power of two
(256k). A SIZE is in bytes, or has a suffix k, m or g. shm:, unix: and unixpacket:
join processes of the same user, unless both sides say more: mode=0660,
owner=USER and group=GROUP are the socket's, allow-uid=USER,… and
allow-gid=GROUP,… who may be at the other end.

The kernel's own objects have addresses, too, which ` + "`kith mk --help`" + ` explains:

  sysvshm:KEY      sysvsem:KEY      sysvmq:KEY    of System V
  posixshm:NAME    posixsem:NAME    mq:NAME       of POSIX
  fifo:NAME        file:NAME

` + exitHelp,
		Version:       version(),
		SilenceErrors: true, // Main prints them, once
		SilenceUsage:  true, // what went wrong is not how to use it

		DisableSuggestions: true, // an error is one line
	}
	root.SetVersionTemplate("kith {{.Version}}\n")
	colourFlag(root)
	root.AddCommand(sendCommand(), recvCommand(), compareCommand(), lockCommand(),
		mkCommand(), rmCommand(), statCommand(), peekCommand(), putCommand(), takeCommand(), semCommand(), mergeCommand(), watchCommand())
	return root
}

// markStart tells whether a command came to run: what fails before is usage.
func markStart(root *cobra.Command) *bool {
	started := false
	for _, cmd := range commandsBelow(root) {
		run := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			started = true
			return run(cmd, args)
		}
	}
	return &started
}

// commandsBelow are the commands of a command, and theirs.
func commandsBelow(cmd *cobra.Command) (all []*cobra.Command) {
	for _, below := range cmd.Commands() {
		all = append(append(all, below), commandsBelow(below)...)
	}
	return all
}

// version is what the Go tool wrote into the binary: a tag or a commit.
func version() string {
	kith := "(unknown)"
	if info, found := debug.ReadBuildInfo(); found {
		kith = info.Main.Version
	}
	return fmt.Sprintf("%s, %s %s/%s", kith, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
