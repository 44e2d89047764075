package compare

import (
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{formatTime(0), "0 ns"},
		{formatTime(999.4), "999 ns"},
		{formatTime(999.6), "1.00 µs"},
		{formatTime(12_345), "12.3 µs"},
		{formatTime(2e9), "2.00 s"},
		{formatRate(1_234_567, ""), "1.23 M/s"},
		{formatRate(25e9, "B"), "25.0 GB/s"},
		{formatSize(64 << 10), "64 KiB"},
		{formatSize(1 << 20), "1 MiB"},
		{formatRatio(1), "1.0x"},
		{formatRatio(250), "250x"},
		{bar(1, 8), "████████"},
		{bar(0.5, 8), "████"},
		{bar(0.001, 8), "▏"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

func TestNextCount(t *testing.T) {
	for _, test := range []struct {
		count         int
		elapsed, turn time.Duration
		want          int
	}{
		{100, time.Second, time.Second, 100},
		{100, 2 * time.Second, time.Second, 50},
		{1, time.Nanosecond, time.Second, 10},
		{1, time.Hour, time.Second, 1},
		{1, 0, time.Second, 10},
	} {
		if got := nextCount(test.count, test.elapsed, test.turn); got != test.want {
			t.Errorf("%+v: got %d", test, got)
		}
	}
}
