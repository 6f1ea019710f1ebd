package event

import (
	"bytes"
	"slices"

	"github.com/google/uuid"
)

// Defaults say what a draft that leaves fields out is completed with. The zero
// value fills nothing: every field is required then.
type Defaults struct {
	// Client fills a missing client_id. A draft that names another client is
	// refused, unless Override is set: then Client takes the other's place.
	Client   string
	Override bool
	// Run fills a missing run_id, Timestamp a missing timestamp.
	Run       string
	Timestamp string
	// Snapshot and sources that are missing become {} and [].
	EmptyCollections bool
	// NewID gives a draft without an id its key. It gets the key that derives from
	// the draft's content: a UUID version 5 over the fields that were given and
	// the resolved client, and the run too if RunIdentifies is set.
	NewID         func(content func() uuid.UUID) uuid.UUID
	RunIdentifies bool
	// Scale maps the score before anything else is done with it: the record, and
	// the key that derives from its content, have the mapped score. Nil: as given.
	Scale *Scale
}

// Ordinal returns the key of the n-th (from 0) of identical drafts, which share
// the content key.
func Ordinal(content uuid.UUID, n uint64) uuid.UUID {
	if n == 0 {
		return content
	}
	var ordinal [8]byte
	for i := range ordinal {
		ordinal[7-i] = byte(n >> (8 * i))
	}
	return uuid.NewSHA1(content, ordinal[:])
}

// Complete checks a draft and fills what it leaves out. The error is an
// [InvalidError] with every fault of the draft. A score out of range is none: it
// is clamped where it is read, see [Saved.Score].
func (d Draft) Complete(def Defaults) (Saved, error) {
	f := slices.Clone(d.faults)
	d.scale(def.Scale, &f)
	for fd, value := range d.values {
		if value != nil && f.checkType(field(fd), value) {
			f.checkValue(field(fd), value)
		}
	}
	s := Saved{values: d.values, extra: d.extra}
	s.resolveClient(def, &f)
	s.fillText(fieldRun, def.Run)
	s.fillText(fieldTimestamp, def.Timestamp)
	if def.EmptyCollections {
		s.fill(fieldSnapshot, []byte("{}"))
		s.fill(fieldSources, []byte("[]"))
	}
	for fd, value := range s.values {
		if value == nil && (field(fd) != fieldID || def.NewID == nil) {
			f.add(ReasonMissing, field(fd).String(), "missing")
		}
	}
	if err := f.err(); err != nil {
		return Saved{}, err
	}
	s.resolveID(d, def)
	return s, nil
}

// resolveClient applies the import's client. The client counts as given, not as
// filled by a default: a person said it.
func (s *Saved) resolveClient(def Defaults, f *faults) {
	given := s.values[fieldClient]
	if def.Client == "" {
		return
	}
	same := given != nil && given[0] == '"' && string(unquote(given)) == def.Client
	if given != nil && given[0] == '"' && !same && !def.Override {
		f.add(ReasonOtherClient, fieldClient.String(), "belongs to client %q, not %q", unquote(given), def.Client)
		return
	}
	if given == nil || !same && def.Override {
		s.values[fieldClient] = appendQuoted(nil, def.Client)
	}
}

// fill sets a field that the input left out, where there is something to fill it
// with, and remembers that it did.
func (s *Saved) fill(fd field, value []byte) {
	if s.values[fd] == nil {
		s.values[fd] = value
		s.filled.add(fd)
	}
}

// fillText is fill for a text; an empty one fills nothing.
func (s *Saved) fillText(fd field, text string) {
	if s.values[fd] == nil && text != "" {
		s.fill(fd, appendQuoted(nil, text))
	}
}

// resolveID lower-cases the id that was given or gives the draft one.
func (s *Saved) resolveID(d Draft, def Defaults) {
	if given := s.values[fieldID]; given != nil {
		s.id = uuid.MustParse(string(unquote(given)))
	} else {
		run := d.values[fieldRun]
		if def.RunIdentifies {
			run = s.values[fieldRun]
		}
		s.id = def.NewID(func() uuid.UUID { return d.contentKey(s.values[fieldClient], run) })
		s.filled.add(fieldID)
	}
	s.values[fieldID] = appendQuoted(nil, s.id.String())
}

// contentKey derives a key from the fields that were given, known or not, with
// the resolved client and run.
func (d Draft) contentKey(client, run []byte) uuid.UUID {
	d.values[fieldClient], d.values[fieldRun] = client, run
	return uuid.NewSHA1(namespaceRecord, appendCanonical(nil, d.JSON()))
}

// equalValue reports whether two values of a field say the same.
func equalValue(fd field, a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if fd == fieldScore {
		a, b = clampScore(a).text, clampScore(b).text
	}
	return bytes.Equal(appendCanonical(nil, a), appendCanonical(nil, b))
}
