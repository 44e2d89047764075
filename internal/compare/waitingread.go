package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// What is more than that was not written by us.
const (
	maxWaitingFile    = 1 << 20
	maxWaitingFigures = 1_000
	maxSources        = 1 << 30
	minNs, maxNs      = 1e-3, 1e15
)

// ReadWaiting reads what `kith compare waiting --json` or the benchmark wrote. Whoever
// else wrote it: what is returned can be drawn and printed.
func ReadWaiting(from io.Reader) (*Waiting, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxWaitingFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxWaitingFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxWaitingFile)
	}
	w := &Waiting{}
	if err := json.Unmarshal(text, w); err != nil {
		return nil, fmt.Errorf("it is not of kith compare waiting --json: %w", err)
	}
	return w, w.check()
}

func (w *Waiting) check() error {
	if w.Schema != WaitingSchema {
		return fmt.Errorf("it has schema %d, and this kith reads %d", w.Schema, WaitingSchema)
	}
	if len(w.Figures) == 0 {
		return errors.New("it has no figures")
	}
	if len(w.Figures)+len(w.LeftOut)+len(w.Warnings) > maxWaitingFigures {
		return fmt.Errorf("it has more than %d figures", maxWaitingFigures)
	}
	seen := map[WaitingCell]bool{}
	for _, f := range w.Figures {
		if err := f.check(); err != nil {
			return fmt.Errorf("figure %.60q: %w", f.WaitingCell, err)
		}
		if seen[f.WaitingCell] {
			return fmt.Errorf("figure %.60q is there twice", f.WaitingCell)
		}
		seen[f.WaitingCell] = true
	}
	for _, l := range w.LeftOut {
		if err := l.WaitingCell.check(); err != nil {
			return fmt.Errorf("left out %.60q: %w", l.WaitingCell, err)
		}
	}
	return w.checkWords()
}

func (c WaitingCell) check() error {
	switch {
	case !slices.Contains(measures, c.Measure):
		return errors.New("there is no such measure")
	case c.Backend != sleeping && !slices.Contains(waitingBackends, c.Backend):
		return errors.New("there is no such backend")
	case c.Sources < 1 || c.Sources > maxSources:
		return errors.New("that is no number of sources")
	}
	return nil
}

func (f WaitingFigure) check() error {
	if err := f.WaitingCell.check(); err != nil {
		return err
	}
	if !isTime(f.Ours) || f.Twin != 0 && !isTime(f.Twin) || f.Ratio < 0 || f.Ratio > maxNs/minNs {
		return errors.New("that is no time")
	}
	return nil
}

func isTime(ns float64) bool { return ns >= minNs && ns <= maxNs }

// checkWords: none may steer a terminal.
func (w *Waiting) checkWords() error {
	m := w.Machine
	words := []string{m.CPU, m.Kernel, m.Arch, m.Go, w.CutShort}
	for _, l := range w.LeftOut {
		words = append(words, l.Why)
	}
	for _, d := range w.Warnings {
		words = append(words, d.Text, d.Remedy)
	}
	for _, word := range words {
		if strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("%.60q is no text", word)
		}
	}
	return nil
}
