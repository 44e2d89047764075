// Package floors has only tests: they hold every import of the module to the
// floors of the design. Imports go down, never up and never sideways.
package floors

import (
	"strings"
	"testing"
)

// table is a statement of policy: change it when the design changes, not to
// make a build pass. A row is a floor, the packages that stand on it, and
// after < what they may import beside the floors below and the standard
// library: neighbours on the same floor, other modules, `unsafe` and `C`.
// Rows may be ahead of the tree; the tree may not be ahead of the rows.
const table = `
	0  ring                                    < unsafe
	0  ipc                                     < golang.org/x/sys
	0  internal/sys                            < unsafe golang.org/x/sys ipc

	1  fifo lock mq poll sem shm sock          < golang.org/x/sys
	1  proc                                    < golang.org/x/sys fifo poll

	2  driver internal/wait                    < golang.org/x/sys
	2  internal/rendezvous                     < golang.org/x/sys driver

	3  transport                               < golang.org/x/sys transport/shm
	3  transport/shm                           < golang.org/x/sys

	4  kith inspect                            < golang.org/x/sys

	5  internal/choose
	5  internal/merge internal/object          < golang.org/x/sys
	5  internal/compare  < golang.org/x/sys github.com/guptarohit/asciigraph github.com/HdrHistogram/hdrhistogram-go github.com/jedib0t/go-pretty github.com/spf13/cobra

	6  internal/cli      < golang.org/x/sys github.com/HdrHistogram/hdrhistogram-go github.com/jedib0t/go-pretty github.com/spf13/cobra
	6  cmd/kith          < internal/cli github.com/spf13/cobra

	# Outside: they may see every floor, and no floor sees them.
	7  internal/floors
	7  internal/kithtest internal/stepper      < golang.org/x/sys
	7  internal/death
	7  transporttest bench clients               < golang.org/x/sys internal/kithtest
	7  examples examples/timeserver/file examples/timeserver/fifo examples/timeserver/shm examples/readers  < golang.org/x/sys
	7  examples/fifoserver examples/chat examples/children examples/web  < golang.org/x/sys
`

func TestImportsGoDown(t *testing.T) {
	plan := mustParse(t)
	tree, err := packages("../..", module)
	if err != nil {
		t.Fatal(err)
	}
	if _, seen := tree[module]; !seen {
		t.Fatalf("the walk did not meet the package %s", module)
	}
	for pkg, imports := range tree {
		for _, fault := range plan.faults(pkg, imports) {
			t.Error(fault)
		}
	}
}

// An empty want is an edge that the table allows.
func TestTableRefuses(t *testing.T) {
	plan := mustParse(t)
	for _, edge := range []struct{ from, to, want string }{
		{"kith/internal/sys", "golang.org/x/sys/unix", ""},
		{"kith/internal/sys", "unsafe", ""},
		{"kith/proc", "kith/poll", ""},
		{"kith/internal/rendezvous", "kith/driver", ""},
		{"kith/transport", "kith/transport/shm", ""},
		{"kith/internal/compare", "github.com/spf13/cobra", ""},
		{"kith/transporttest", "kith/internal/kithtest", ""},
		{"kith", "net/http", ""},

		{"kith/ring", "kith/internal/sys", "sideways"},
		{"kith/fifo", "kith/poll", "sideways"},
		{"kith/poll", "kith/proc", "sideways"},
		{"kith/internal/wait", "kith/internal/rendezvous", "sideways"},
		{"kith/transport/shm", "kith/transport", "sideways"},
		{"kith", "kith/inspect", "sideways"},
		{"kith/internal/choose", "kith/internal/compare", "sideways"},

		{"kith/internal/sys", "kith/shm", "up"},
		{"kith/driver", "kith/transport", "up"},
		{"kith/transport", "kith", "up"},
		{"kith", "kith/internal/compare", "up"},
		{"kith", "kith/transporttest", "up"},
		{"kith/internal/compare", "kith/internal/kithtest", "up"},

		{"kith/shm", "unsafe", "unsafe is not on its list"},
		{"kith/transport/shm", "C", "C is not on its list"},
		{"kith/ring", "golang.org/x/sys/unix", "not on its list"},
		{"kith/sock", "golang.org/x/sysx", "not on its list"},
		{"kith", "github.com/spf13/cobra", "not on its list"},
		{"kith/internal/cli", "golang.org/x/net", "not on its list"},

		{"kith", "kith/common", "stands on no floor"},
		{"kith/common", "fmt", "stands on no floor"},
	} {
		got := strings.Join(plan.faults(edge.from, []string{edge.to}), "\n")
		if (got == "") != (edge.want == "") || !strings.Contains(got, edge.want) {
			t.Errorf("%s imports %s: got %q, want %q", edge.from, edge.to, got, edge.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"zero ring", "0", "0 ring\n1 ring", "1 proc < poll", "0 ring < nowhere"} {
		if _, err := parse(text); err == nil {
			t.Errorf("parse(%q) took it", text)
		}
	}
}

func mustParse(t *testing.T) plan {
	t.Helper()
	plan, err := parse(table)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
