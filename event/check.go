package event

import (
	"github.com/google/uuid"
)

// checkType reports whether a value has the JSON type that the schema wants, and
// adds a fault where it has not.
func (f *faults) checkType(fd field, raw []byte) bool {
	want, ok := "a string", raw[0] == '"'
	switch fd {
	case fieldScore:
		want, ok = "a number", isNumber(raw)
	case fieldSnapshot:
		want, ok = "an object", raw[0] == '{'
	case fieldSources:
		want, ok = "an array of strings", raw[0] == '['
	}
	if !ok {
		f.add(ReasonWrongType, fd.String(), "want %s, got %s", want, kindName(raw))
		return false
	}
	if fd != fieldSources {
		return true
	}
	i := 0
	for e := range elements(raw) {
		if i++; e[0] != '"' {
			f.add(ReasonWrongType, fd.String(), "element %d: want a string, got %s", i, kindName(e))
			ok = false
		}
	}
	return ok
}

// checkValue judges a value of the right type. Scores are not judged: they are
// clamped.
func (f *faults) checkValue(fd field, raw []byte) {
	switch fd {
	case fieldID:
		if _, err := ParseID(string(unquote(raw))); err != nil {
			f.add(ReasonInvalid, fd.String(), "%v", err)
		}
	case fieldClient, fieldRun:
		if len(raw) == len(`""`) {
			f.add(ReasonInvalid, fd.String(), "must not be empty")
		}
	case fieldTimestamp:
		if _, err := ParseTimestamp(string(unquote(raw))); err != nil {
			f.add(ReasonInvalid, fd.String(), "%v", err)
		}
	}
}

// ParseID reads a UUID in its 36-character form, of any version and in any case.
// Braces, "urn:uuid:" and the form without hyphens are refused.
func ParseID(s string) (uuid.UUID, error) {
	if len(s) != 36 {
		return uuid.UUID{}, errID
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.UUID{}, errID
	}
	return id, nil
}

type constError string

func (e constError) Error() string { return string(e) }

const errID = constError("want a UUID of 36 characters such as 7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90")
