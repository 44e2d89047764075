package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"kith"
	"kith/driver"
	"kith/internal/merge"
	"kith/internal/object"
	"kith/internal/rendezvous"
)

// A mergeSource adds a source to those that are merged.
type mergeSource func(*merge.Merge)

// mergeNames are what sources are called: as they are given, and a number where there
// is one of that name already.
type mergeNames map[string]int

func (n mergeNames) of(text string) string {
	given := quoteControls(text)
	name := given
	for n[name] > 0 {
		n[given]++
		name = fmt.Sprintf("%s#%d", given, n[given])
	}
	n[name]++
	return name
}

// parseMergeSource takes for an address what begins with a scheme of kith's, and for a
// path what looks like nothing else.
func parseMergeSource(name, text string) (mergeSource, error) {
	scheme, _, _ := strings.Cut(text, ":")
	switch {
	case text == "":
		return nil, errors.New("want a name for SOURCE")
	case text == "-":
		return func(m *merge.Merge) { m.AddStdin(name, os.Stdin) }, nil
	case text[0] == '@' && len(text) > 1:
		return func(m *merge.Merge) { m.AddSocket(name, "unix", text) }, nil
	case scheme != text && slices.Contains(schemes(), scheme):
		return addressedSource(name, text)
	}
	return func(m *merge.Merge) { m.AddPath(name, text) }, nil
}

// schemes are all of kith's.
func schemes() (all []string) {
	for _, t := range driver.Transports() {
		all = append(all, t.Traits().Scheme)
	}
	for _, s := range object.Schemes() {
		all = append(all, s.Name)
	}
	return all
}

func addressedSource(name, text string) (mergeSource, error) {
	a, err := driver.ParseAddress(text)
	if err == nil {
		err = a.Done() // there are no keys
	}
	if err != nil {
		return nil, err
	}
	switch a.Scheme {
	case "tcp":
		transport, err := driver.Lookup(a.Scheme)
		if err == nil {
			_, err = transport.Resolve(a)
		}
		return func(m *merge.Merge) { m.AddSocket(name, "tcp", a.Name) }, err
	case "unix":
		path, err := rendezvous.Path(a)
		return func(m *merge.Merge) { m.AddSocket(name, "unix", path) }, err
	case "fifo", "file":
		path := a.Name
		if !strings.HasPrefix(path, "/") {
			path, err = rendezvous.Path(a)
		}
		return func(m *merge.Merge) { m.AddPath(name, path) }, err
	}
	return nil, fmt.Errorf("%w: %s: has no lines to merge; a file of that name is ./%s", kith.ErrAddress, text, text)
}
