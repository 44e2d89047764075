package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"kith/internal/object"
)

func statCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "stat ADDR...",
		Short: "Show the owner, mode, state and limits of objects of the kernel's",
		Long: `Show what the kernel knows of each object: whose it is, who may use it, how large
it is or what it holds, who used it last and when, and its limits. Sizes are in
bytes. With --json each is a line of JSON.

` + plainExitHelp,
		Example: `  kith stat mq:jobs sysvshm:0x2a
  kith stat --json posixsem:gate | jq .value`,
		Args:              someAddresses,
		ValidArgsFunction: completeObjects(anyNumber),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStat(cmd, args, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	return cmd
}

func runStat(cmd *cobra.Command, addresses []string, asJSON bool) error {
	objects, err := objectsAt(addresses)
	if err != nil {
		return err
	}
	show := func(o object.Object) error { return showStat(cmd, o) }
	if asJSON {
		show = printStat
	}
	var failed []error
	for i, o := range objects {
		if i > 0 && !asJSON {
			fmt.Println()
		}
		failed = append(failed, show(o))
	}
	return errors.Join(failed...)
}

// showStat prints a table under the address, which is the first field.
func showStat(cmd *cobra.Command, o object.Object) error {
	stat, err := o.Stat()
	if err != nil {
		return about(o, err)
	}
	t := newTable(cmd, 1)
	fmt.Println(text.Bold.Sprint(printed(stat[0].Value)))
	for _, field := range stat[1:] {
		t.AppendRow([]any{"  " + strings.ReplaceAll(field.Name, "_", " "), printed(field.Value)})
	}
	return printTable(t)
}

// printed is a value for people.
func printed(value any) string {
	switch value := value.(type) {
	case nil:
		return "none"
	case bool:
		return map[bool]string{true: "yes", false: "no"}[value]
	case string:
		return printable([]byte(value))
	case []int:
		return text.WrapSoft(strings.Trim(fmt.Sprint(value), "[]"), 60)
	case time.Time:
		if value.IsZero() {
			return "never"
		}
		return value.Local().Format("2006-01-02 15:04:05")
	}
	return fmt.Sprint(value)
}
