package event

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Two inputs say the same thing where their canonical forms are the same bytes.
// It is the order of keys, the spacing, the escapes and the spelling of numbers
// that canonical form takes away, and nothing else: numbers are compared as exact
// decimals, so 0.50 equals 5e-1 and 12345678901234567890 differs from
// 12345678901234567891. (RFC 8785 would round both to the same double.)

// appendCanonical appends the canonical form of a valid JSON value.
func appendCanonical(dst, raw []byte) []byte {
	dst, _ = canonicalAt(dst, raw, skipSpace(raw, 0))
	return dst
}

// canonicalAt appends the canonical form of the value that begins at b[i], and
// returns the index behind the value. It goes through b once, however deep the
// value is nested.
func canonicalAt(dst, b []byte, i int) ([]byte, int) {
	switch b[i] {
	case '{':
		return canonicalObject(dst, b, i)
	case '[':
		return canonicalArray(dst, b, i)
	case '"':
		end := scanString(b, i)
		return appendQuoted(dst, unquote(b[i:end])), end
	}
	end := scanValue(b, i)
	if isNumber(b[i:]) {
		return parseDecimal(b[i:end]).appendTo(dst), end
	}
	return append(dst, b[i:end]...), end
}

func canonicalArray(dst, b []byte, i int) ([]byte, int) {
	dst = append(dst, '[')
	for i = skipSpace(b, i+1); b[i] != ']'; i = skipSpace(b, i) {
		if b[i] == ',' {
			dst = append(dst, ',')
			i = skipSpace(b, i+1)
		}
		dst, i = canonicalAt(dst, b, i)
	}
	return append(dst, ']'), i + 1
}

// part is one member of an object in canonical form: where it stands in a buffer.
type part struct {
	name     string
	from, to int
}

func canonicalObject(dst, b []byte, i int) ([]byte, int) {
	start := len(dst)
	dst = append(dst, '{')
	var parts []part
	for i = skipSpace(b, i+1); b[i] != '}'; i = skipSpace(b, i) {
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
		end := scanString(b, i)
		p := part{name: string(unquote(b[i:end])), from: len(dst)}
		i = skipSpace(b, skipSpace(b, end)+1) // behind the colon
		dst = append(appendQuoted(dst, p.name), ':')
		dst, i = canonicalAt(dst, b, i)
		dst = append(dst, ',')
		p.to = len(dst)
		parts = append(parts, p)
	}
	return closeObject(dst, start, parts), i + 1
}

// closeObject brings an object's members into order, where they are not, and ends
// it.
func closeObject(dst []byte, start int, parts []part) []byte {
	if len(parts) == 0 {
		return append(dst, '}')
	}
	byName := func(a, b part) int { return strings.Compare(a.name, b.name) }
	if !slices.IsSortedFunc(parts, byName) {
		slices.SortFunc(parts, byName)
		given := append([]byte(nil), dst[start:]...)
		dst = dst[:start+1]
		for _, p := range parts {
			dst = append(dst, given[p.from-start:p.to-start]...)
		}
	}
	dst[len(dst)-1] = '}' // for the last comma
	return dst
}

// member is one member of an object: its raw name, with quotes, and its raw value.
type member struct {
	name  []byte
	value []byte
}

// appendQuoted appends valid UTF-8 text as a JSON string.
func appendQuoted[T ~[]byte | ~string](dst []byte, text T) []byte {
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}

// decimal is an exact decimal number, 0.DIGITS × 10^exponent, with no zero at
// either end of its digits. Zero has no digits.
type decimal struct {
	negative bool
	digits   []byte
	exponent int64
	// far is the exponent's digits as they were written where these are more than 17.
	// Then exponent is farExponent, or -farExponent, and what is to be added to it.
	far []byte
}

// farExponent stands for an exponent that is too large for arithmetic.
const farExponent = 100_000_000_000_000_000

// parseDecimal reads a valid JSON number.
func parseDecimal(raw []byte) decimal {
	var d decimal
	if raw[0] == '-' {
		d.negative, raw = true, raw[1:]
	}
	if i := bytes.IndexAny(raw, "eE"); i >= 0 {
		d.exponent, d.far = parseExponent(raw[i+1:])
		raw = raw[:i]
	}
	whole, fraction, _ := bytes.Cut(raw, []byte{'.'})
	digits := append(append(make([]byte, 0, len(raw)), whole...), fraction...)
	significant := bytes.TrimLeft(digits, "0")
	d.exponent += int64(len(whole) - (len(digits) - len(significant)))
	if d.digits = bytes.TrimRight(significant, "0"); len(d.digits) == 0 {
		return decimal{}
	}
	return d
}

func parseExponent(text []byte) (exponent int64, far []byte) {
	sign := int64(1)
	if text[0] == '-' {
		sign = -1
	}
	text = bytes.TrimLeft(text, "+-0")
	if len(text) > 17 {
		return sign * farExponent, text
	}
	for _, c := range text {
		exponent = exponent*10 + int64(c-'0')
	}
	return sign * exponent, nil
}

func (d decimal) appendTo(dst []byte) []byte {
	if len(d.digits) == 0 {
		return append(dst, '0')
	}
	if d.negative {
		dst = append(dst, '-')
	}
	dst = append(dst, "0."...)
	dst = append(dst, d.digits...)
	dst = append(dst, 'e')
	switch {
	case d.far == nil:
		return strconv.AppendInt(dst, d.exponent, 10)
	case d.exponent < 0:
		return append(append(dst, '-'), addSmall(d.far, -farExponent-d.exponent)...)
	}
	return append(dst, addSmall(d.far, d.exponent-farExponent)...)
}

// addSmall adds a number of less than 17 digits to a decimal of more.
func addSmall(digits []byte, n int64) []byte {
	cut := len(digits) - 17
	low, _ := strconv.ParseInt(string(digits[cut:]), 10, 64) // they are digits
	high := slices.Clone(digits[:cut])
	switch low += n; {
	case low < 0:
		low += farExponent
		i := len(high) - 1
		for ; high[i] == '0'; i-- {
			high[i] = '9'
		}
		high[i]--
	case low >= farExponent:
		low -= farExponent
		i := len(high) - 1
		for ; i >= 0 && high[i] == '9'; i-- {
			high[i] = '0'
		}
		if i < 0 {
			high = append([]byte{'0'}, high...)
			i = 0
		}
		high[i]++
	}
	return bytes.TrimLeft(fmt.Appendf(high, "%017d", low), "0")
}

func (d decimal) belowZero() bool { return d.negative }

func (d decimal) aboveOne() bool {
	if d.negative || len(d.digits) == 0 {
		return false
	}
	return d.exponent > 1 || d.exponent == 1 && string(d.digits) != "1"
}

// score is a score as it was written and as it counts.
type score struct {
	value   float64 // 0 to 1
	text    []byte  // as written, or "0" or "1" where clamped
	clamped bool
}

// clampScore reads a valid JSON number as a score: above 1 counts as 1, below 0
// as 0, judged on the exact decimal and not on the nearest double.
func clampScore(raw []byte) score {
	// Nearly all scores are plain: a zero and some decimals, "0", "1" or "1.0".
	if raw[0] == '-' || raw[0] > '0' && string(raw) != "1" && string(raw) != "1.0" || bytes.ContainsAny(raw, "eE") {
		switch d := parseDecimal(raw); {
		case d.aboveOne():
			return score{1, []byte("1"), true}
		case d.belowZero():
			return score{0, []byte("0"), true}
		}
	}
	v, _ := strconv.ParseFloat(string(raw), 64) // an error is underflow to 0
	return score{v, raw, false}
}
