package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of files, records, replies of models and errors of servers can contain
// control characters, which move the cursor of a terminal, change what it shows, or
// worse. All text for people passes a safeWriter, and text from outside passes
// printable before it becomes part of a line. Data (JSON, CSV, lines that capture
// passes on) keeps its bytes.

// own are the control sequences that explog itself uses: styles and the progress line.
var own = []string{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[K", "\r"}

// safeWriter makes every control character visible but line feeds, tabs and, on a
// terminal, explog's own sequences. A text must not be split over several writes
// within a character.
type safeWriter struct {
	w    io.Writer
	keep []string
}

// newSafeWriter returns a safe writer for text.
func newSafeWriter(w io.Writer) io.Writer {
	keep := []string{"\n"}
	if terminalWidth(w) > 0 {
		keep = append(keep, own...)
	}
	return &safeWriter{w, keep}
}

func (s *safeWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.w, visible(string(p), s.keep)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// unsafe returns the writer behind a safe one, for data.
func unsafe(w io.Writer) io.Writer {
	if s, ok := w.(*safeWriter); ok {
		return s.w
	}
	return w
}

// printable makes text from outside safe, so that it can neither control a terminal
// nor forge a line.
func printable(s string) string { return visible(s, nil) }

// visible writes control characters, characters that reorder text or end a line, and
// bytes that are not UTF-8 as escapes. What is in keep, and tabs, stay.
func visible(s string, keep []string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if i := slices.IndexFunc(keep, func(k string) bool { return strings.HasPrefix(s, k) }); i >= 0 {
			b.WriteString(keep[i])
			s = s[len(keep[i]):]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "\\x%02x", s[0])
		case r > 0xffff && hidden(r):
			fmt.Fprintf(&b, "\\U%08x", r)
		case r != utf8.RuneError && hidden(r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// invisible are characters without a width that can make two texts look alike. Joiners
// are not among them, because scripts and emoji need them.
var invisible = &unicode.RangeTable{
	R16: []unicode.Range16{{0x200b, 0x200b, 1}, {0x2060, 0x2060, 1}, {0xfeff, 0xfeff, 1}},
	R32: []unicode.Range32{{0xe0000, 0xe007f, 1}},
}

// hidden reports whether a character must not reach a terminal; bytes that are not
// UTF-8 come as U+FFFD.
func hidden(r rune) bool {
	return r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(invisible, r) ||
		r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}
