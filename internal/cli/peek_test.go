package cli

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// The standard library's dump is as hexdump's, but for the end.
func TestDump(t *testing.T) {
	for size := range 100 {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(rand.N(256))
		}
		var got bytes.Buffer
		d := newDump(&got, 0)
		for rest := data; len(rest) > 0; {
			n := 1 + rand.N(len(rest))
			if written, err := d.Write(rest[:n]); written != n || err != nil {
				t.Fatal(written, err)
			}
			rest = rest[n:]
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if want := hex.Dump(data) + fmt.Sprintf("%08x\n", size); got.String() != want {
			t.Fatalf("got\n%s\nwant\n%s", got.String(), want)
		}
	}
}

func TestPeekOnATerminal(t *testing.T) {
	p := newPlace(t)
	data := "12345678" + strings.Repeat("\x00", 64) + "the end"
	if err := os.WriteFile(p.path("file"), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	terminal := p.openTerminal("kith peek file:" + p.path("file") + " --offset 8; echo ended $?")
	got := terminal.See("(?s).*ended 0\r")
	want := "00000008  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\r\n" +
		"*\r\n" +
		"00000048  74 68 65 20 65 6e 64                              |the end|\r\n" +
		"0000004f\r\n"
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
