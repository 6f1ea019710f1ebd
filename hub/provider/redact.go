package provider

import (
	"bytes"
	"encoding/base64"
	"html"
	"slices"
	"strconv"
)

// redactor removes a secret from text that came from outside, in each encoding in
// which a server, a proxy or an error message may repeat it: as it is, escaped for
// JSON, Go (%q), URLs or HTML, in base64 (also of a text around it, such as a header),
// and in encodings of these.
type redactor struct {
	secret  []byte
	encoded [][]byte // what base64 makes of the secret, whatever surrounds it
}

// nesting is how many escapings, one around the other, are looked through, as in HTML
// in JSON in JSON.
const nesting = 3

const redacted = "***"

// newRedactor returns the redactor of a secret. The one of the zero value, and of an
// empty secret, removes nothing.
func newRedactor(secret string) redactor {
	if secret == "" {
		return redactor{}
	}
	r := redactor{secret: []byte(secret)}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 { // bytes of another text in the first group of three
			text := encoding.EncodeToString(append(make([]byte, before), secret...))
			inner := text[(before*8+5)/6 : (before+len(secret))*8/6] // without characters that hold bits of other text
			if len(inner) > 0 && !slices.ContainsFunc(r.encoded, func(e []byte) bool { return string(e) == inner }) {
				r.encoded = append(r.encoded, []byte(inner))
			}
		}
	}
	return r
}

// bytes returns the text without the secret.
func (r redactor) bytes(text []byte) []byte {
	found := r.find(text, nesting)
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	var out []byte
	end := 0
	for _, s := range found {
		if s.from >= end {
			out = append(append(out, text[end:s.from]...), redacted...)
		}
		end = max(end, s.to)
	}
	return append(out, text[end:]...)
}

func (r redactor) string(text string) string { return string(r.bytes([]byte(text))) }

// span is a part of a text.
type span struct{ from, to int }

// find returns where the secret is in a text and, down to a depth, in what the text
// escapes.
func (r redactor) find(text []byte, depth int) []span {
	if len(r.secret) == 0 {
		return nil
	}
	found := occurrences(text, r.secret)
	for _, e := range r.encoded {
		for _, s := range occurrences(text, e) {
			found = append(found, wholeBase64(text, s))
		}
	}
	if depth == 0 {
		return found
	}
	for _, unescape := range []func([]byte) (byte, int){unescapeBackslash, unescapePercent, unescapeEntity} {
		inner, source := unescaped(text, unescape)
		if source == nil {
			continue
		}
		for _, s := range r.find(inner, depth-1) {
			found = append(found, span{source.of(s.from), source.of(s.to)})
		}
	}
	return found
}

func occurrences(text, part []byte) []span {
	var found []span
	for at := 0; ; {
		i := bytes.Index(text[at:], part)
		if i < 0 {
			return found
		}
		found = append(found, span{at + i, at + i + len(part)})
		at += i + 1 // occurrences may overlap
	}
}

// wholeBase64 extends a part of a base64 text to the whole.
func wholeBase64(text []byte, s span) span {
	for s.from > 0 && isBase64(text[s.from-1]) {
		s.from--
	}
	for s.to < len(text) && (isBase64(text[s.to]) || text[s.to] == '=') {
		s.to++
	}
	return s
}

func isBase64(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || bytes.IndexByte([]byte("+/-_"), c) >= 0
}

// origin maps offsets in an unescaped text to the escaped one: each escape is one byte
// in the first.
type origin []escapeAt

type escapeAt struct{ inner, outer, length int }

// of returns the offset in the escaped text.
func (o origin) of(inner int) int {
	i, found := slices.BinarySearchFunc(o, inner, func(e escapeAt, at int) int { return e.inner - at })
	if found {
		return o[i].outer
	}
	if i == 0 {
		return inner
	}
	before := o[i-1]
	return before.outer + before.length + inner - before.inner - 1
}

// unescaped replaces each escape by the byte that it is for; nil: there are none.
func unescaped(text []byte, unescape func([]byte) (byte, int)) ([]byte, origin) {
	var inner []byte
	var source origin
	end := 0
	for at := 0; at < len(text); {
		c, n := unescape(text[at:])
		if n == 0 {
			at++
			continue
		}
		inner = append(inner, text[end:at]...)
		source = append(source, escapeAt{len(inner), at, n})
		inner = append(inner, c)
		at += n
		end = at
	}
	if source == nil {
		return nil, nil
	}
	return append(inner, text[end:]...), source
}

// unescapeBackslash reads an escape of JSON or of Go at the beginning of a text; n 0:
// there is none.
func unescapeBackslash(text []byte) (c byte, n int) {
	if len(text) < 2 || text[0] != '\\' {
		return 0, 0
	}
	switch c := text[1]; {
	case c == '"', c == '\\', c == '/', c == '\'':
		return c, 2
	case c == 'x':
		return unescapeHex(text, len(`\x`))
	case c == 'u' && bytes.HasPrefix(text[2:], []byte("00")):
		return unescapeHex(text, len(`\u00`))
	}
	return 0, 0
}

// unescapePercent reads an escape of URLs.
func unescapePercent(text []byte) (c byte, n int) {
	if text[0] != '%' {
		return 0, 0
	}
	return unescapeHex(text, 1)
}

// unescapeHex reads two hexadecimal digits behind the beginning of an escape.
func unescapeHex(text []byte, from int) (c byte, n int) {
	if len(text) < from+2 {
		return 0, 0
	}
	v, err := strconv.ParseUint(string(text[from:from+2]), 16, 8)
	if err != nil {
		return 0, 0
	}
	return byte(v), from + 2
}

// unescapeEntity reads a character reference of HTML.
func unescapeEntity(text []byte) (c byte, n int) {
	const longest = len("&NewLine;") + 3 // with zeros before a number
	if text[0] != '&' {
		return 0, 0
	}
	end := bytes.IndexByte(text[:min(len(text), longest)], ';')
	if end < 0 {
		return 0, 0
	}
	if s := html.UnescapeString(string(text[:end+1])); len(s) == 1 {
		return s[0], end + 1
	}
	return 0, 0
}
