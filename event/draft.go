package event

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Draft is a JSON object taken apart, before it is known to be a record: the raw
// values of the nine fields, where it has them, and what else it carries.
type Draft struct {
	values [fieldCount][]byte // nil: not there
	extra  []member           // unknown to the schema, in the order given
	faults faults             // what JSON could not carry, see [Record.Draft]
}

// Faithful reports whether the draft says all that was handed in. It does not
// where a [Record] had text that is not UTF-8, or NaN.
func (d Draft) Faithful() bool { return d.faults == nil }

// Scored reports whether the draft has a problem and a score, and so means to be a
// record, whatever else it lacks.
func (d Draft) Scored() bool { return d.values[fieldProblem] != nil && d.values[fieldScore] != nil }

// ParseDraft takes one JSON object apart. The draft refers to raw, which must not
// change while it is used.
//
// The error is an [InvalidError] with every fault of the object as JSON: where it
// is no JSON at all, the first place where it ceases to be; else all its
// duplicate keys, invalid UTF-8 and lone surrogates, each with its field.
func ParseDraft(raw []byte) (Draft, error) {
	if !jsontext.Value(raw).IsValid() {
		if err := diagnose(raw); err != nil {
			return Draft{}, err
		}
	}
	trimmed := bytes.TrimSpace(raw)
	if trimmed[0] != '{' {
		var f faults
		f.add(ReasonNotAnObject, "", "want a JSON object, got %s", kindName(trimmed))
		return Draft{}, f.err()
	}
	var d Draft
	for name, value := range members(trimmed) {
		if f, known := fieldByName(unquote(name)); known {
			d.values[f] = value
		} else {
			d.extra = append(d.extra, member{name, value})
		}
	}
	return d, nil
}

// JSON returns the draft as one line of compact JSON.
func (d Draft) JSON() []byte { return appendFields(nil, d.values, d.extra) }

// diagnose says what is wrong with input that is not strictly valid JSON.
func diagnose(raw []byte) error {
	var f faults
	lenient := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	if !jsontext.Value(raw).IsValid(lenient...) {
		f = append(f, syntaxFault(raw, lenient))
		return f.err()
	}
	trimmed := bytes.TrimSpace(raw)
	if trimmed[0] != '{' {
		f.addTextFault("", trimmed)
		return f.err()
	}
	seen := make(map[string]bool)
	for name, value := range members(trimmed) {
		text := string(unquoteLenient(name))
		if f.addTextFault(text, name); seen[text] {
			f.add(ReasonDuplicateKey, text, "the key stands twice in the object")
		}
		seen[text] = true
		f.addTextFault(text, value)
	}
	return f.err()
}

// syntaxFault finds the first place where the input ceases to be JSON.
func syntaxFault(raw []byte, lenient []jsontext.Options) Fault {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw), lenient...)
	_, err := d.ReadValue()
	if err == nil {
		end := int(d.InputOffset())
		return Fault{ReasonTrailingData, "", fmt.Sprintf("something stands after the end of the value, at byte %d of the record", skipSpace(raw, end))}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return Fault{ReasonTruncated, "", "the JSON ends in the middle"}
	}
	cause, at := err, d.InputOffset()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		cause, at = syntax.Err, syntax.ByteOffset
	}
	return Fault{ReasonNotJSON, "", fmt.Sprintf("not JSON: %v, at byte %d of the record", cause, at)}
}

// addTextFault adds what keeps a structurally sound value from being valid.
func (f *faults) addTextFault(field string, value []byte) {
	if jsontext.Value(value).IsValid() {
		return
	}
	switch {
	case !utf8.Valid(value):
		f.add(ReasonNotUTF8, field, "bytes that are not UTF-8")
	case !jsontext.Value(value).IsValid(jsontext.AllowDuplicateNames(true)):
		f.add(ReasonLoneSurrogate, field, `half of a surrogate pair (\ud800 to \udfff alone)`)
	default:
		f.add(ReasonDuplicateKey, field, "an object inside names a key twice")
	}
}

// unquoteLenient is unquote for strings that may hold invalid UTF-8 or lone
// surrogates; those become U+FFFD.
func unquoteLenient(raw []byte) []byte {
	text, _ := jsontext.AppendUnquote(nil, raw)
	return bytes.ToValidUTF8(text, []byte("\uFFFD"))
}
