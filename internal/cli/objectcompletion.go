package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kith/driver"
	"kith/internal/object"
)

// completeObjects offers the schemes, and after one the objects that are there,
// for as many arguments; files where the names are paths.
func completeObjects(most int, schemes ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var offers []string
		for _, s := range object.Schemes() {
			prefix := s.Name + ":"
			switch {
			case len(schemes) > 0 && !slices.Contains(schemes, s.Name):
			case !strings.HasPrefix(typed, prefix):
				offers = append(offers, cobra.CompletionWithDesc(prefix, s.Summary))
			case s.Names == nil:
				return nil, cobra.ShellCompDirectiveDefault
			default:
				return addresses(s.Name, s.Names()), cobra.ShellCompDirectiveNoFileComp
			}
		}
		return offers, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
}

// addresses of names, in which what means something is escaped.
func addresses(scheme string, names []string) []string {
	for i, name := range names {
		names[i] = driver.Address{Scheme: scheme, Name: name}.String()
	}
	return names
}

// anyNumber of arguments.
const anyNumber = 1 << 30
