package floors

import (
	"errors"
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packages finds every package of the module at root and what its files
// import, tests excepted, under any build constraint. It reads the tree itself
// rather than ask `go list`, which sees one platform, and whose answer the
// test cache would not know to ask for again.
func packages(root, module string) (map[string][]string, error) {
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if dir != root && foreign(dir) {
			return fs.SkipDir
		}
		imports, err := imports(dir)
		if err == nil {
			below, _ := filepath.Rel(root, dir)
			found[strings.TrimSuffix(module+"/"+filepath.ToSlash(below), "/.")] = imports
		}
		if _, none := errors.AsType[*build.NoGoError](err); none {
			return nil
		}
		return err
	})
	return found, err
}

func imports(dir string) ([]string, error) {
	every := build.Default
	every.UseAllFiles, every.CgoEnabled = true, true
	pkg, err := every.ImportDir(dir, 0)
	return pkg.Imports, err
}

// foreign reports whether a folder is none of the module's, as the go command
// sees it.
func foreign(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	name := filepath.Base(dir)
	return err == nil || name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func TestPackages(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a/plain.go":         "package a\nimport _ \"fmt\"",
		"a/tagged.go":        "//go:build race && plan9\n\npackage a\nimport _ \"unsafe\"",
		"a/a_arm64.go":       "package a\nimport _ \"os\"",
		"a/c.go":             "package a\nimport \"C\"",
		"a/a_test.go":        "package a\nimport _ \"testing\"",
		"a/testdata/x.go":    "package x\nimport _ \"net\"",
		"a/companion/go.mod": "module companion",
		"a/companion/x.go":   "package x\nimport _ \"net\"",
		"root.go":            "package root\nimport _ \"m/a\"",
		"docs/page.md":       "# no package",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := packages(root, "m")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"m": {"m/a"}, "m/a": {"C", "fmt", "os", "unsafe"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}
