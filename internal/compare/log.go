package compare

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// A log takes every result as it comes, as a line of JSON: what was measured
// is kept whatever happens to the run.
type log struct {
	file *os.File
	err  error // the first of the writes
}

// The lines of the log. Each is the "value" beside a "type".
type (
	streamLine struct {
		Transport string `json:"transport"`
		Arrival
	}
	cacheLineLine struct {
		Round       int     `json:"round"`
		Nanoseconds float64 `json:"cache_line_ns"`
	}
	cellLine struct {
		Transport string `json:"transport"`
		Round     int    `json:"round"`
		Cell      Cell   `json:"cell"`
		Result    Result `json:"result"`
	}
	failureLine struct {
		Transport string `json:"transport"`
		Error     string `json:"error"`
	}
)

// openLog makes the file: the one that the caller names, else a new one in the
// user's cache. A cache that cannot be written to is no reason not to measure.
func openLog(path string, report *Report) (*log, error) {
	chosen := path != ""
	var err error
	if !chosen {
		path, err = cachePath(report.Started)
	}
	var file *os.File
	if err == nil { // for writing only: a pipe that we could read too would never break
		file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	}
	if err == nil {
		report.Saved = path
		return &log{file: file}, nil
	}
	if chosen {
		return nil, err
	}
	report.warn("the results are not saved: "+err.Error(), "name a file with --save")
	return &log{}, nil
}

// cachePath has no fallback in /tmp, where the name would be anybody's to take.
func cachePath(started time.Time) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "kith")
	_ = os.MkdirAll(dir, 0o700) // if it fails, so does making the file
	return filepath.Join(dir, "compare-"+started.UTC().Format("20060102T150405.000Z")+".jsonl"), nil
}

func (l *log) write(kind string, value any) {
	if l.file == nil || l.err != nil {
		return
	}
	var text []byte
	if text, l.err = json.Marshal(struct {
		Type  string `json:"type"`
		Value any    `json:"value"`
	}{kind, value}); l.err == nil {
		_, l.err = l.file.Write(append(text, '\n'))
	}
}

// close closes the file; what went wrong with it is the run's error, unless
// the run has one.
func (l *log) close(err error) error {
	if l.file == nil {
		return err
	}
	closeErr := l.file.Close()
	switch {
	case err != nil:
		return err
	case l.err != nil:
		return l.err
	}
	return closeErr
}
