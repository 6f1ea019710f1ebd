package event

import (
	"bytes"
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// The scanners below walk JSON that is known to be valid: one validating pass
// stands before them, and they only find where things begin and end.

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// scanString returns the index behind the string that begins at b[i]. It panics, as
// the others do, where the JSON turns out not to be valid.
func scanString(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i+1:], '"')
		if n < 0 {
			panic("a string does not end")
		}
		i += 1 + n
		backslashes := 0
		for b[i-1-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return i + 1
		}
	}
}

// scanValue returns the index behind the value that begins at b[i].
func scanValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return scanString(b, i)
	case '{', '[':
		return scanNested(b, i)
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

func scanNested(b []byte, i int) int {
	for depth := 0; ; {
		switch b[i] {
		case '"':
			i = scanString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

// members yields the raw name (with its quotes) and the raw value of each member
// of a valid object.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := skipSpace(object, 0) + 1
		for {
			i = skipSpace(object, i)
			if object[i] == '}' {
				return
			}
			if object[i] == ',' {
				i = skipSpace(object, i+1)
			}
			end := scanString(object, i)
			name := object[i:end]
			i = skipSpace(object, end) + 1 // the colon
			i = skipSpace(object, i)
			end = scanValue(object, i)
			if !yield(name, object[i:end]) {
				return
			}
			i = end
		}
	}
}

// elements yields the raw elements of a valid array.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		i := skipSpace(array, 0) + 1
		for {
			i = skipSpace(array, i)
			if array[i] == ']' {
				return
			}
			if array[i] == ',' {
				i = skipSpace(array, i+1)
			}
			end := scanValue(array, i)
			if !yield(array[i:end]) {
				return
			}
			i = end
		}
	}
}

// appendCompact appends a valid value without the white space between its tokens;
// strings and numbers stay as they are written.
func appendCompact(dst, value []byte) []byte {
	if value[0] == '"' {
		return append(dst, value...)
	}
	from := 0 // what stands from here to i is kept
	for i := 0; i < len(value); {
		switch {
		case value[i] == '"':
			i = scanString(value, i)
		case isSpace(value[i]):
			dst = append(dst, value[from:i]...)
			i = skipSpace(value, i)
			from = i
		default:
			i++
		}
	}
	return append(dst, value[from:]...)
}

// unquote returns the text of a valid JSON string. Where it has no escapes the
// text is a part of raw, not a copy.
func unquote(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	return appendUnescaped(make([]byte, 0, len(inner)), inner)
}

// appendUnescaped appends the text that stands between the quotes of a valid JSON
// string; jsontext.AppendUnquote would validate it once more.
func appendUnescaped(dst, inner []byte) []byte {
	for {
		n := bytes.IndexByte(inner, '\\')
		if n < 0 {
			return append(dst, inner...)
		}
		dst = append(dst, inner[:n]...)
		c := inner[n+1]
		inner = inner[n+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hexRune(inner[:4])
			inner = inner[4:]
			if utf16.IsSurrogate(r) { // the other half follows: a lone one is not valid
				r = utf16.DecodeRune(r, hexRune(inner[2:6]))
				inner = inner[6:]
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}

// hexRune reads four hexadecimal digits.
func hexRune(digits []byte) (r rune) {
	for _, d := range digits {
		switch {
		case d <= '9':
			d -= '0'
		default:
			d = d | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(d)
	}
	return r
}

// kindName names the JSON type of a valid value.
func kindName(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func isNumber(raw []byte) bool { return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' }
