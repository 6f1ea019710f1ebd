package event

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Saved is the fact that a record was saved: complete, checked, and as it was
// given. The score is not clamped in it, unknown fields are there, and strings
// and numbers are spelled as the input spelled them.
//
// Its payload, version 1, is two bytes and a line: the set of fields that a
// default filled (bit 0 is id, bit 8 sources_used; little-endian), then one
// compact JSON object: the nine fields in schema order, then the unknown ones in
// the order given.
type Saved struct {
	id     uuid.UUID
	values [fieldCount][]byte // raw JSON, each there and of the right type
	extra  []member
	filled fieldSet
}

const savedVersion = 1

// Fact returns the record as a fact to be logged.
func (s Saved) Fact() Fact {
	size := 256
	for _, v := range s.values {
		size += len(v)
	}
	data := binary.LittleEndian.AppendUint16(make([]byte, 0, size), uint16(s.filled))
	return Fact{ID: s.id, Type: TypeSaved, Version: savedVersion, Data: appendFields(data, s.values, s.extra)}
}

// DecodeSaved reads the payload of a saved record. The result refers to data.
func DecodeSaved(version uint16, data []byte) (Saved, error) {
	if version != savedVersion {
		return Saved{}, fmt.Errorf("%w: saved record of version %d", ErrPayload, version)
	}
	if len(data) < 2 {
		return Saved{}, fmt.Errorf("%w: saved record of %d bytes", ErrPayload, len(data))
	}
	d, err := ParseDraft(data[2:])
	if err != nil {
		return Saved{}, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	s := Saved{values: d.values, extra: d.extra, filled: fieldSet(binary.LittleEndian.Uint16(data))}
	var f faults
	for fd, value := range s.values {
		if value == nil {
			f.add(ReasonMissing, field(fd).String(), "missing")
		} else if f.checkType(field(fd), value) {
			f.checkValue(field(fd), value)
		}
	}
	if err := f.err(); err != nil {
		return Saved{}, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	s.id = uuid.MustParse(string(unquote(s.values[fieldID])))
	return s, nil
}

// ReadRow reads the payload of a saved record as views keep it, with the instant of
// its timestamp. The payload's bytes are vouched for, as the log vouches for what it
// gives: the fields are found and not checked again.
func ReadRow(version uint16, data []byte) (r Row, instant time.Time, err error) {
	defer func() { // the scanners trust what they walk
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrPayload, p)
		}
	}()
	s, err := readSaved(version, data)
	if err != nil {
		return Row{}, time.Time{}, err
	}
	return s.Row(), s.Instant(), nil
}

// readSaved is DecodeSaved without its checks. It panics where these would fail.
func readSaved(version uint16, data []byte) (s Saved, err error) {
	if version != savedVersion {
		return Saved{}, fmt.Errorf("%w: saved record of version %d", ErrPayload, version)
	}
	next := fieldID // they stand in schema order
	for name, value := range members(data[2:]) {
		if next < fieldCount && string(name[1:len(name)-1]) == fieldNames[next] {
			s.values[next] = value
			next++
		} else {
			s.extra = append(s.extra, member{name, value})
		}
	}
	if next < fieldCount {
		return Saved{}, fmt.Errorf("%w: saved record without %s", ErrPayload, next)
	}
	s.filled = fieldSet(binary.LittleEndian.Uint16(data))
	if s.id, err = uuid.ParseBytes(unquote(s.values[fieldID])); err != nil {
		return Saved{}, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return s, nil
}

// ID returns the record's key.
func (s Saved) ID() uuid.UUID { return s.id }

// Client returns the record's client_id.
func (s Saved) Client() string { return string(unquote(s.values[fieldClient])) }

// Record returns the record as readers see it: with its score clamped.
func (s Saved) Record() Record {
	r := Draft{values: s.values}.record()
	r.Score = clampScore(s.values[fieldScore]).value
	return r
}

// ScoreGiven returns the score as it was given, and whether it was out of range
// and is clamped.
func (s Saved) ScoreGiven() (given string, clamped bool) {
	return string(s.values[fieldScore]), clampScore(s.values[fieldScore]).clamped
}

// Instant returns the moment that the timestamp names.
func (s Saved) Instant() time.Time {
	t, _ := ParseTimestamp(string(unquote(s.values[fieldTimestamp]))) // checked at the door
	return t
}

// Filled names the fields that the input left out and a default filled.
func (s Saved) Filled() []string { return s.filled.names() }

// Difference is how two records with the same id differ.
type Difference struct {
	// Content names the fields that differ: the records are in conflict.
	Content []string
	// Noted names what differs without being content: fields that stand in the
	// log only because a default filled them, and unknown fields.
	Noted []string
}

// Differs reports whether the content differs.
func (d Difference) Differs() bool { return len(d.Content) > 0 }

// Compare tells how an offered record differs from the stored one with its id. A
// field that a default filled, in either, is no content. Where the default stands
// in the log and the offered record says something else, that is noted.
func (s Saved) Compare(stored Saved) Difference {
	var d Difference
	for fd := range fieldCount {
		switch {
		case equalValue(fd, s.values[fd], stored.values[fd]), s.filled.has(fd):
		case stored.filled.has(fd):
			d.Noted = append(d.Noted, fd.String())
		default:
			d.Content = append(d.Content, fd.String())
		}
	}
	if !equalExtra(s.extra, stored.extra) {
		d.Noted = append(d.Noted, "unknown fields")
	}
	return d
}

func equalExtra(a, b []member) bool {
	same := func(x, y member) bool { return string(x.name) == string(y.name) && string(x.value) == string(y.value) }
	if slices.EqualFunc(a, b, same) {
		return true
	}
	return string(canonicalExtra(a)) == string(canonicalExtra(b))
}

func canonicalExtra(extra []member) []byte {
	return appendCanonical(nil, appendFields(nil, [fieldCount][]byte{}, extra))
}
