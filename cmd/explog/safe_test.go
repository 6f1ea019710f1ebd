package main

import (
	"bytes"
	"io"
	"testing"
	"unicode/utf8"
)

func TestSafeWriterShowsControlCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"plain, é, 中, 👩‍🔬\ttab\n":           "plain, é, 中, 👩‍🔬\ttab\n",
		"a\x1b]0;title\x07b":                `a\u001b]0;title\u0007b`,
		"a\x1b[2Jb\rc":                      `a\u001b[2Jb\u000dc`,
		"\u009b31m":                         `\u009b31m`,
		"\x9b31m":                           `\x9b31m`,
		"a\u202eb\u2066c":                   `a\u202eb\u2066c`,
		"one\u2028two":                      `one\u2028two`,
		"zero\u200bwidth\ufeff\u2060":       `zero\u200bwidth\ufeff\u2060`,
		"tag\U000E0041":                     `tag\U000e0041`,
		"\x7f\x00":                          `\u007f\u0000`,
		"cut in a character: \xe4\xb8":      `cut in a character: \xe4\xb8`,
		"a replacement character \ufffd ok": "a replacement character \ufffd ok",
	} {
		var b bytes.Buffer
		if _, err := io.WriteString(newSafeWriter(&b), text); err != nil || b.String() != want {
			t.Errorf("%q becomes %q, want %q (%v)", text, b.String(), want, err)
		}
	}
}

func TestOwnSequencesStayOnATerminal(t *testing.T) {
	if got, want := visible("\x1b[1mID\x1b[0m \x1b[31m\x1b[5m\r\x1b[K", own), "\x1b[1mID\x1b[0m \x1b[31m\\u001b[5m\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := printable("a\x1b[1mb\nc"), `a\u001b[1mb\u000ac`; got != want {
		t.Errorf("text from outside: %q, want %q", got, want)
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("a\x1b[1mb\n\x9b\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		out := printable(s)
		for i, r := range out {
			if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || !utf8.ValidString(out) {
				t.Fatalf("%q: %q at byte %d of %q", s, r, i, out)
			}
		}
	})
}
