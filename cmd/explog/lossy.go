package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"sync"
	"syscall"
)

// lossy is standard output for a capture, which goes on where that cannot be written.
// After the first failure nothing more is written, so that there is one gap and it is
// at the end; the lines that are lost are counted. Nobody loses anything by a pipe
// that its reader has closed.
type lossy struct {
	w io.Writer

	mu   sync.Mutex
	err  error
	lost int64
	part bool // the last line that is lost has not ended yet
}

// Write never fails.
func (l *lossy) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n int
	if l.err == nil {
		n, l.err = l.w.Write(b)
	}
	if gone := b[n:]; l.err != nil && len(gone) > 0 {
		l.lost += int64(bytes.Count(gone, []byte{'\n'}))
		l.part = gone[len(gone)-1] != '\n'
	}
	return len(b), nil
}

// failed returns how many lines were lost, and why; nil where none were.
func (l *lossy) failed() (lines int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil || errors.Is(l.err, syscall.EPIPE) {
		return 0, nil
	}
	err = l.err
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err // its path is /dev/stdout
	}
	if l.part {
		return l.lost + 1, err
	}
	return l.lost, err
}

// end says what was lost of what a capture printed, and returns the exit code: that
// of the capture unless it would hide the loss.
func (l *lossy) end(c *console, code int) int {
	lines, err := l.failed()
	if err == nil {
		return code
	}
	c.note("standard output could not be written (%v): %s lost; records are saved all the same", err, plural(lines, "line"))
	if code == 0 {
		return exitFailed
	}
	return code
}
