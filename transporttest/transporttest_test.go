package transporttest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{"battery": runBattery})
	Main(m)
}

// The battery has to see each fault, in the case that is there for it, and to
// pass that case without the fault.
func TestRunSeesFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel() // it is other processes that work
			if output := battery(t, f.name, f.seenBy); !strings.Contains(output, "--- FAIL: faulty/"+asSubtest(f.seenBy)) {
				t.Errorf("%s did not see it:\n%s", f.seenBy, output)
			}
			if output := battery(t, "", f.seenBy); !strings.Contains(output, "--- PASS: faulty/"+asSubtest(f.seenBy)) {
				t.Errorf("%s does not pass without it:\n%s", f.seenBy, output)
			}
		})
	}
}

func asSubtest(name string) string { return strings.ReplaceAll(name, " ", "_") }

// battery plays one case of the faulty transport in a process of its own, as
// its failures are not this test's, and returns what it logs.
func battery(t *testing.T, fault, name string) string {
	t.Helper()
	child := kithtest.Command(t, "battery", fault, name).Start()
	var output strings.Builder
	for {
		line, err := child.Hear()
		if err != nil {
			_ = child.Wait()
			return output.String()
		}
		fmt.Fprintln(&output, line)
	}
}

func runBattery(args []string) error {
	if err := os.Setenv(faultEnv, args[0]); err != nil { // for the far processes too
		return err
	}
	var pattern []string
	for part := range strings.SplitSeq("faulty/"+asSubtest(args[1]), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	if err := flag.CommandLine.Parse([]string{"-test.v", "-test.run", strings.Join(pattern, "/")}); err != nil {
		return err
	}
	testing.Main(regexp.MatchString, []testing.InternalTest{{Name: "faulty", F: func(t *testing.T) {
		Run(t, Subject{Address: faultyAddress})
	}}}, nil, nil)
	return nil
}

func faultyAddress(t testing.TB) string {
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return "faulty:" + filepath.Join(directory, "x")
}
