package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

// newTable is a table in the manner of `kith compare`; its columns from number
// on are aligned right. It may have no header.
func newTable(cmd *cobra.Command, number int, header ...any) table.Writer {
	text.DisableColors()
	if coloured(cmd, os.Stdout) {
		text.EnableColors()
	}
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	style.Color.Header = text.Colors{text.Bold}
	t.SetStyle(style)
	var columns []table.ColumnConfig
	for i := number; i <= len(header); i++ {
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	if len(header) > 0 {
		t.AppendHeader(header)
	}
	return t
}

// printTable prints it without spaces at the ends of lines.
func printTable(t table.Writer) error {
	var page strings.Builder
	for line := range strings.Lines(t.Render()) {
		page.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	_, err := fmt.Fprint(os.Stdout, page.String())
	return err
}
