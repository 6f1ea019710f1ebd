package event

import (
	"fmt"
	"strings"
)

// Reason says in one word why input was refused. The words are part of the stored
// format and of what `explog rejects` prints.
type Reason string

// The reasons, in the order in which the first of several names the reject.
const (
	ReasonTooLarge      Reason = "too_large"      // longer than the limit for one record
	ReasonTruncated     Reason = "truncated"      // the JSON ends in the middle
	ReasonNotJSON       Reason = "not_json"       // not JSON by RFC 8259
	ReasonTrailingData  Reason = "trailing_data"  // something stands after the end of the value
	ReasonNotUTF8       Reason = "not_utf8"       // bytes that are not UTF-8
	ReasonLoneSurrogate Reason = "lone_surrogate" // \ud800 to \udfff without its other half
	ReasonDuplicateKey  Reason = "duplicate_key"  // one object names a key twice
	ReasonNotAnObject   Reason = "not_an_object"  // JSON, but no object
	ReasonMissing       Reason = "missing_field"  // a required field is not there
	ReasonWrongType     Reason = "wrong_type"     // a field has another JSON type than the schema's
	ReasonInvalid       Reason = "invalid_value"  // the right type, but not a permitted value
	ReasonOtherClient   Reason = "other_client"   // the record names another client than the import's
	ReasonConflict      Reason = "conflict"       // the id is taken by a record with other content
)

// Fault is one thing that is wrong with an input.
type Fault struct {
	Reason  Reason `json:"reason"`
	Field   string `json:"field,omitzero"` // empty: the input as a whole
	Problem string `json:"problem"`
}

// String returns the fault as "field: problem".
func (f Fault) String() string {
	if f.Field == "" {
		return f.Problem
	}
	return f.Field + ": " + f.Problem
}

// InvalidError lists everything that is wrong with one input.
type InvalidError struct {
	Faults []Fault // at least one
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		parts[i] = f.String()
	}
	return "invalid record: " + strings.Join(parts, "; ")
}

// Reason returns the reason of the first fault: the one that a reject is filed
// under.
func (e *InvalidError) Reason() Reason { return e.Faults[0].Reason }

// faults gathers what is wrong. It is bounded, so that what is said of an input
// never outgrows the input.
type faults []Fault

const (
	maxFaults    = 100
	maxFaultText = 300 // bytes of a field's name or a problem
)

func (f *faults) add(r Reason, field, format string, args ...any) {
	switch n := len(*f); {
	case n < maxFaults:
		*f = append(*f, Fault{Reason: r, Field: shorten(field), Problem: shorten(fmt.Sprintf(format, args...))})
	case n == maxFaults:
		*f = append(*f, Fault{Reason: r, Problem: fmt.Sprintf("and more than %d faults in all", maxFaults)})
	}
}

// shorten cuts text from the input that is too long to be repeated.
func shorten(s string) string {
	if len(s) <= maxFaultText {
		return s
	}
	return strings.ToValidUTF8(s[:maxFaultText], "") + "…"
}

// err returns nil where nothing is wrong.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &InvalidError{Faults: f}
}
