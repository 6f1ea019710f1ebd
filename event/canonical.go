package event

import (
	"bytes"
	"math/big"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Two inputs say the same thing where their canonical forms are the same bytes.
// It is the order of keys, the spacing, the escapes and the spelling of numbers
// that canonical form takes away, and nothing else: numbers are compared as exact
// decimals, so 0.50 equals 5e-1 and 12345678901234567890 differs from
// 12345678901234567891. (RFC 8785 would round both to the same double.)

// appendCanonical appends the canonical form of a valid JSON value.
func appendCanonical(dst, raw []byte) []byte {
	switch raw = bytes.TrimSpace(raw); {
	case raw[0] == '{':
		return appendCanonicalObject(dst, collect(raw))
	case raw[0] == '[':
		dst = append(dst, '[')
		for e := range elements(raw) {
			dst = append(appendCanonical(dst, e), ',')
		}
		return append(bytes.TrimSuffix(dst, []byte{','}), ']')
	case raw[0] == '"':
		return appendQuoted(dst, unquote(raw))
	case isNumber(raw):
		return parseDecimal(raw).appendTo(dst)
	}
	return append(dst, raw...)
}

// member is one member of an object: the text of its name and its raw value.
type member struct {
	name  []byte
	value []byte
}

func collect(object []byte) []member {
	var ms []member
	for name, value := range members(object) {
		ms = append(ms, member{unquote(name), value})
	}
	return ms
}

func appendCanonicalObject(dst []byte, ms []member) []byte {
	slices.SortFunc(ms, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i, m := range ms {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, m.name), ':')
		dst = appendCanonical(dst, m.value)
	}
	return append(dst, '}')
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
	exponent *big.Int
}

// parseDecimal reads a valid JSON number.
func parseDecimal(raw []byte) decimal {
	var d decimal
	if raw[0] == '-' {
		d.negative, raw = true, raw[1:]
	}
	d.exponent = new(big.Int)
	if i := bytes.IndexAny(raw, "eE"); i >= 0 {
		d.exponent.SetString(string(bytes.TrimPrefix(raw[i+1:], []byte{'+'})), 10)
		raw = raw[:i]
	}
	whole, fraction, _ := bytes.Cut(raw, []byte{'.'})
	d.exponent.Add(d.exponent, big.NewInt(int64(len(whole))))
	d.digits = append(append([]byte(nil), whole...), fraction...)
	significant := bytes.TrimLeft(d.digits, "0")
	d.exponent.Sub(d.exponent, big.NewInt(int64(len(d.digits)-len(significant))))
	d.digits = bytes.TrimRight(significant, "0")
	if len(d.digits) == 0 {
		return decimal{exponent: new(big.Int)}
	}
	return d
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
	return d.exponent.Append(dst, 10)
}

func (d decimal) belowZero() bool { return d.negative }

func (d decimal) aboveOne() bool {
	if d.negative || len(d.digits) == 0 {
		return false
	}
	switch d.exponent.Cmp(big.NewInt(1)) {
	case 1:
		return true
	case 0:
		return string(d.digits) != "1"
	}
	return false
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
