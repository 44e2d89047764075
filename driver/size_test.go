package driver

import (
	"strings"
	"testing"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int{
		"1": 1, "10": 10, "0010": 10, "1k": 1 << 10, "1K": 1 << 10, "64m": 64 << 20, "64M": 64 << 20, "1g": 1 << 30,
		"1G": 1 << 30, "1048576k": 1 << 30, "1073741824": 1 << 30,
	} {
		a := sized(t, text)
		if got := a.Size("size", 7, 1, 1<<30); got != want || a.Done() != nil {
			t.Errorf("%q is %d, %v; want %d", text, got, a.Done(), want)
		}
	}
}

func TestSizesRefused(t *testing.T) {
	for _, text := range []string{
		"", "0", "0k", "-1", "+1", "-1k", " 1", "1 ", "k", "m", "1kk", "1t", "1b", "1kb", "1.5k", "1e3", "0x10", "1_000", "ten",
		"1073741825", "2g", "5g", "1048577k", "4294967295", "4294967296", "4294967297k", "4294967295g", "4294967296g",
		"99999999999g", "18446744073709551615", "18446744073709551617", "17179869184g", strings.Repeat("9", 1000) + "g",
	} {
		a := sized(t, text)
		got := a.Size("size", 7, 1, 1<<30)
		if err := a.Done(); got != 7 || err == nil || !strings.Contains(err.Error(), "want a size from 1 to 1g") {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
}

func TestPowers(t *testing.T) {
	for text, good := range map[string]bool{"4k": true, "4096": true, "1m": true, "5k": false, "4097": false, "2k": false, "2m": false, "": false} {
		a := sized(t, text)
		got := a.Power("size", 8192, 4096, 1<<20)
		if err := a.Done(); (err == nil) != good || !good && got != 8192 {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	for text, want := range map[string]int{"": DefaultLimit, "?limit=1": 1, "?limit=1g": MaxLimit} {
		a, err := ParseAddress("shm:x" + text)
		if got := a.Limit(); err != nil || got != want || a.Done() != nil {
			t.Errorf("%q is %d, %v, %v; want %d", text, got, err, a.Done(), want)
		}
	}
	for _, text := range []string{"0", "2g", "1073741825"} {
		a, _ := ParseAddress("shm:x?limit=" + text)
		a.Limit()
		if err := a.Done(); err == nil || !strings.Contains(err.Error(), "from 1 to 1g") {
			t.Errorf("limit=%s: %v", text, err)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for size, want := range map[int]string{0: "0", 1: "1", 1000: "1000", 1024: "1k", 1025: "1025", 64 << 20: "64m", 1 << 30: "1g"} {
		if got := formatSize(size); got != want {
			t.Errorf("%d is written %s, want %s", size, got, want)
		}
	}
}

func sized(t *testing.T, text string) Address {
	t.Helper()
	a, err := ParseAddress("shm:x?size=" + text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
