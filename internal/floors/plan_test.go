package floors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const module = "kith"

// A plan is the table, by import path.
type plan map[string]place

type place struct {
	floor int
	extra []string // import paths allowed beside the floors below
}

func parse(text string) (plan, error) {
	p := plan{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := p.add(line); err != nil {
			return nil, fmt.Errorf("row %q: %w", strings.TrimSpace(line), err)
		}
	}
	return p, p.known()
}

func (p plan) add(line string) error {
	left, right, _ := strings.Cut(line, "<")
	fields := strings.Fields(left)
	if len(fields) < 2 {
		return fmt.Errorf("want: floor package… < imports…")
	}
	floor, err := strconv.Atoi(fields[0])
	if err != nil {
		return err
	}
	stand := place{floor: floor}
	for _, name := range strings.Fields(right) {
		stand.extra = append(stand.extra, path(name))
	}
	for _, name := range fields[1:] {
		if _, twice := p[path(name)]; twice {
			return fmt.Errorf("%s has a row already", name)
		}
		p[path(name)] = stand
	}
	return nil
}

// known refuses a < that names a package of ours without a row.
func (p plan) known() error {
	for pkg, stand := range p {
		for _, name := range stand.extra {
			if _, found := p[name]; ours(name) && !found {
				return fmt.Errorf("the row of %s names %s, which has none", pkg, name)
			}
		}
	}
	return nil
}

// faults says what is wrong with a package that has these imports.
func (p plan) faults(pkg string, imports []string) []string {
	stand, found := p[pkg]
	if !found {
		return []string{pkg + " stands on no floor: give it a row"}
	}
	var faults []string
	for _, imported := range imports {
		if why := p.objection(stand, imported); why != "" {
			faults = append(faults, fmt.Sprintf("%s (floor %d) imports %s: %s", pkg, stand.floor, imported, why))
		}
	}
	return faults
}

func (p plan) objection(stand place, imported string) string {
	below, found := p[imported]
	switch {
	case stand.allows(imported) || standard(imported):
		return ""
	case !ours(imported):
		return imported + " is not on its list"
	case !found:
		return imported + " stands on no floor"
	case below.floor > stand.floor:
		return fmt.Sprintf("that goes up, to floor %d", below.floor)
	case below.floor == stand.floor:
		return "that goes sideways"
	}
	return ""
}

// allows reports whether the row names the import or, where it names a
// module, a package inside that.
func (s place) allows(imported string) bool {
	return slices.ContainsFunc(s.extra, func(name string) bool {
		return imported == name || !ours(name) && strings.HasPrefix(imported, name+"/")
	})
}

// path is the import path of a name in the table, where ours are written
// without the module.
func path(name string) string {
	if name == module || guarded(name) || dotted(name) {
		return name
	}
	return module + "/" + name
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

func standard(path string) bool { return !ours(path) && !guarded(path) && !dotted(path) }

// guarded imports need no module, and leave Go's safety all the same.
func guarded(path string) bool { return path == "unsafe" || path == "C" }

// dotted paths begin with a host name: they are other modules.
func dotted(path string) bool {
	host, _, _ := strings.Cut(path, "/")
	return strings.Contains(host, ".")
}
