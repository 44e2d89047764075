package compare

import (
	"fmt"
	"strings"
)

// title is the kind's name for people.
func (k Kind) title() string { return strings.ReplaceAll(string(k), "_", " ") }

// formatSize writes a size in bytes with a binary unit, as messages are sized.
func formatSize(n int) string {
	units := []string{"B", "KiB", "MiB", "GiB"}
	i := 0
	for ; i < len(units)-1 && n >= 1024 && n%1024 == 0; i++ {
		n /= 1024
	}
	return fmt.Sprintf("%d %s", n, units[i])
}

// formatTime writes nanoseconds with three digits.
func formatTime(ns float64) string { return scaled(ns, "ns", "µs", "ms", "s") }

// formatRate writes a number per second with three digits.
func formatRate(n float64, unit string) string {
	if unit == "" {
		return scaled(n, "", "k", "M", "G") + "/s"
	}
	return scaled(n, unit, "k"+unit, "M"+unit, "G"+unit, "T"+unit) + "/s"
}

// scaled writes n in the first of the units, a thousandfold apart, in which it
// has at most three digits before the point.
func scaled(n float64, units ...string) string {
	i := 0
	for ; i < len(units)-1 && n >= 999.5; i++ {
		n /= 1000
	}
	return threeDigits(n) + " " + units[i]
}

func threeDigits(n float64) string {
	switch {
	case n == 0:
		return "0"
	case n < 9.995:
		return fmt.Sprintf("%.2f", n)
	case n < 99.95:
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

func formatRatio(ratio float64) string {
	if ratio < 99.95 {
		return fmt.Sprintf("%.1fx", ratio)
	}
	return fmt.Sprintf("%.0fx", ratio)
}

// bar draws a share of 1 in eighths of a block.
func bar(share float64, width int) string {
	eighths := max(1, int(share*float64(width)*8+0.5))
	full, rest := eighths/8, eighths%8
	text := strings.Repeat("█", full)
	if rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}
