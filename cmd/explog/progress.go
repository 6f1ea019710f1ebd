package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// progress shows on standard error how far something is, by itself an import: one line that renews
// itself on a terminal, a plain line now and then elsewhere.
type progress struct {
	c       *console
	tty     bool
	total   int64 // bytes of the input; 0: not known
	read    atomic.Int64
	started time.Time
	shown   time.Time // when the last line was shown
	visible bool      // a line stands on the terminal
	now     func() time.Time
}

// How often a line is shown.
const (
	everyOnTerminal = 100 * time.Millisecond
	everyElsewhere  = 10 * time.Second
)

func newProgress(c *console) *progress {
	p := &progress{c: c, tty: terminalWidth(c.err) > 0 && os.Getenv("TERM") != "dumb", now: time.Now}
	p.started = p.now()
	p.shown = p.started
	return p
}

// input returns a reader of the input that counts what is read. A file that can
// seek stays one that can.
func (p *progress) input(in io.ReadCloser) io.ReadCloser {
	f, ok := in.(*os.File)
	if !ok {
		return counted{in, p}
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		p.total = info.Size()
	}
	return countedFile{f, p}
}

type counted struct {
	io.ReadCloser
	p *progress
}

func (r counted) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.p.read.Add(int64(n))
	return n, err
}

type countedFile struct {
	*os.File
	p *progress
}

func (r countedFile) Read(b []byte) (int, error) {
	n, err := r.File.Read(b)
	r.p.read.Add(int64(n))
	return n, err
}

func (r countedFile) Seek(offset int64, whence int) (int64, error) {
	r.p.read.Store(0)
	return r.File.Seek(offset, whence)
}

// update shows how far it is, if it is time.
func (p *progress) update(records int64) {
	p.show(func(elapsed time.Duration) string { return p.text(records, elapsed) })
}

// show shows a text, if it is time.
func (p *progress) show(text func(elapsed time.Duration) string) {
	p.showEvery(everyElsewhere, text)
}

// showEvery shows a text, if the last one was shown so long ago. On a terminal it is
// always time soon.
func (p *progress) showEvery(every time.Duration, text func(elapsed time.Duration) string) {
	if p.tty {
		every = everyOnTerminal
	}
	now := p.now()
	if now.Sub(p.shown) < every {
		return
	}
	p.shown = now
	if said := text(now.Sub(p.started)); p.tty {
		p.say(said)
	} else {
		fmt.Fprintln(p.c.err, said)
	}
}

// say renews the line on a terminal; elsewhere it says nothing.
func (p *progress) say(text string) {
	if p.tty {
		fmt.Fprintf(p.c.err, "\r%s\x1b[K", truncate(text, terminalWidth(p.c.err)-1))
		p.visible = true
	}
}

func (p *progress) text(records int64, elapsed time.Duration) string {
	read := p.read.Load()
	text := fmt.Sprintf("%s  %s", plural(records, "record"), byteSize(read))
	if p.total > 0 {
		text += " of " + byteSize(p.total)
	}
	text += fmt.Sprintf("  %.0f/s", float64(records)/elapsed.Seconds())
	if p.total > 0 && read > 0 && read <= p.total {
		left := time.Duration(float64(elapsed) * float64(p.total-read) / float64(read))
		text += fmt.Sprintf("  %v left", left.Round(time.Second))
	}
	return text
}

// clear takes the line off the terminal, before something else is said.
func (p *progress) clear() {
	if p.visible {
		fmt.Fprint(p.c.err, "\r\x1b[K")
		p.visible = false
	}
}
