package driver

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, test := range []struct {
		text, scheme, name string
		keys               map[string]string
	}{
		{"shm:orders", "shm", "orders", nil},
		{"unix:/run/x.sock", "unix", "/run/x.sock", nil},
		{"tcp:[::1]:7000", "tcp", "[::1]:7000", nil},
		{"fd:?via=shm", "fd", "", map[string]string{"via": "shm"}},
		{"shm:", "shm", "", nil},
		{"shm:x?", "shm", "x", nil},
		{"shm:x?limit=1m&ring=64k", "shm", "x", map[string]string{"limit": "1m", "ring": "64k"}},
		{"shm:x?a=", "shm", "x", map[string]string{"a": ""}},
		{"shm:x?a=b=c?d", "shm", "x", map[string]string{"a": "b=c?d"}},
		{"shm:a%3Fb%26c%25d%20e+f", "shm", "a?b&c%d e+f", nil},
		{"shm:x?a=%26%3d%3F", "shm", "x", map[string]string{"a": "&=?"}},
		{"shm:\xff\xfe", "shm", "\xff\xfe", nil},
	} {
		a, err := ParseAddress(test.text)
		if err != nil || a.Scheme != test.scheme || a.Name != test.name || !maps.Equal(asMap(a), test.keys) {
			t.Errorf("%q: %q %q %q, %v", test.text, a.Scheme, a.Name, a.keys, err)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                "no scheme",
		"orders":          "no scheme",
		":orders":         "no scheme",
		"/run/x.sock":     "no scheme",
		"shm:x?limit":     `"limit" is not key=value`,
		"shm:x?=1":        `"=1" is not key=value`,
		"shm:x?a=1&":      `"" is not key=value`,
		"shm:x?a=1&a=1":   `"a" is given twice`,
		"shm:x?a=1&a=2":   `"a" is given twice`,
		"shm:x%00y":       "NUL",
		"shm:x\x00y":      "NUL",
		"shm:x?a=%00":     "NUL",
		"shm:x%":          `"%"`,
		"shm:x%zz":        `"%zz"`,
		"shm:x?a=%4":      `"%4"`,
		"shm:x?a=1&b=%g0": `"%g0"`,
	} {
		_, err := ParseAddress(text)
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want one that says %s", text, err, says)
		}
	}
}

func TestAddressString(t *testing.T) {
	for text, want := range map[string]string{
		"shm:orders":                 "shm:orders",
		"shm:x?ring=64k&limit=1m":    "shm:x?ring=64k&limit=1m",
		"shm:a%3Fb%26c%25d%20e%0Af?": "shm:a%3Fb%26c%25d e%0Af",
		"fd:?via=a%26b=c":            "fd:?via=a%26b=c",
	} {
		if a, err := ParseAddress(text); err != nil || a.String() != want {
			t.Errorf("%q is written %q, %v; want %q", text, a.String(), err, want)
		}
	}
	a, _ := ParseAddress("shm:x?limit=1m")
	if named := a.Named("/tmp/x.shm"); named.String() != "shm:/tmp/x.shm?limit=1m" || a.Name != "x" {
		t.Errorf("named, it is %s, and was %s", named, a)
	}
}

func TestDone(t *testing.T) {
	for text, says := range map[string]string{
		"shm:x":                        "",
		"shm:x?limit=1m&ring=4k":       "",
		"shm:x?Limit=1m":               `unknown key "Limit": shm knows limit, ring`,
		"shm:x?zz=1&aa=1":              `unknown key "zz"`,
		"shm:x?limit=1m&ring=5000":     "ring=5000 is not a power of two",
		"shm:x?limit=nonsense&ring=5k": "limit=nonsense",
		"shm:x?ring=5k&limit=nonsense": "limit=nonsense",
		"shm:x?unknown=1&limit=0":      "limit=0",
	} {
		a, err := ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		a.Limit()
		a.Power("ring", 4096, 4096, 1<<20)
		err = a.Done()
		if (err == nil) != (says == "") || err != nil && (!errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func TestChoice(t *testing.T) {
	for text, want := range map[string]string{"fd:": "socket", "fd:?via=shm": "shm", "fd:?via=socket": "socket", "fd:?via=": "", "fd:?via=SHM": ""} {
		a, _ := ParseAddress(text)
		got := a.Choice("via", "socket", "shm")
		switch err := a.Done(); {
		case want != "" && (got != want || err != nil):
			t.Errorf("%q chose %q, %v", text, got, err)
		case want == "" && (err == nil || !strings.Contains(err.Error(), "want socket or shm")):
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever is taken can be written and is taken again as the same; the rest is
// ErrAddress.
func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{
		"shm:orders", "", ":", "a:?b=c&d=%26", "fd:?via=shm&ring=1m", "tcp:[::1]:1?limit=99999999999g",
		"x:%00", "x:%", "x:a?%=%25", "x:?=", "x:\n?a=\n", "x%:?%41=%41", "x?:y?z=", "\x00:a?\x00=b",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := ParseAddress(a.String())
		if err != nil || again.Scheme != a.Scheme || again.Name != a.Name || !slices.Equal(again.keys, a.keys) {
			t.Fatalf("%q is written %q, which is read as %+v, %v; want %+v", text, a.String(), again, err, a)
		}
		if strings.ContainsRune(a.Name, 0) {
			t.Fatalf("%q has a name with NUL", text)
		}
		limit := a.Limit()
		if err := a.Done(); limit < 1 || limit > MaxLimit || err != nil && !errors.Is(err, ErrAddress) {
			t.Fatalf("%q: a limit of %d, %v", text, limit, err)
		}
	})
}

func asMap(a Address) map[string]string {
	keys := map[string]string{}
	for _, k := range a.keys {
		keys[k.name] = k.value
	}
	return keys
}
