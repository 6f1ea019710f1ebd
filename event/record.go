package event

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// Record is one scored attempt: a problem, its solution, its score. It is what
// programs hand in and what they read back.
type Record struct {
	// ID is a UUID in the 36-character form; the key for deduplication.
	ID string `json:"id"`
	// ClientID says whose account the attempt was made for. Not empty.
	ClientID string `json:"client_id"`
	// RunID names the run that made the attempt, e.g. exp-2026-04-07-047. Not empty.
	RunID string `json:"run_id"`
	// Problem and Solution are free text and may be empty.
	Problem  string `json:"problem"`
	Solution string `json:"solution"`
	// Score is 0.0 to 1.0; 1 is best.
	Score float64 `json:"score"`
	// Timestamp is an RFC 3339 date-time, kept as given.
	Timestamp string `json:"timestamp"`
	// AccountSnapshot is the state of the account, any JSON object.
	AccountSnapshot json.RawMessage `json:"account_snapshot"`
	// SourcesUsed names what the attempt drew on, e.g. "gtm"; order is kept.
	SourcesUsed []string `json:"sources_used"`
}

// Parse reads one record as JSON by the schema: all nine fields there and of the
// right type. It does not judge values; [Record.Validate] does. The error is an
// [InvalidError] with every fault.
func Parse(raw []byte) (Record, error) {
	d, err := ParseDraft(raw)
	if err != nil {
		return Record{}, err
	}
	var f faults
	for fd := range fieldCount {
		if d.values[fd] == nil {
			f.add(ReasonMissing, fd.String(), "missing")
		} else {
			f.checkType(fd, d.values[fd])
		}
	}
	if err := f.err(); err != nil {
		return Record{}, err
	}
	return d.record(), nil
}

// record decodes nine fields of the right types. The score is not clamped.
func (d Draft) record() Record {
	number, _ := strconv.ParseFloat(string(d.values[fieldScore]), 64) // 1e999 is +Inf
	return Record{
		ID:              string(unquote(d.values[fieldID])),
		ClientID:        string(unquote(d.values[fieldClient])),
		RunID:           string(unquote(d.values[fieldRun])),
		Problem:         string(unquote(d.values[fieldProblem])),
		Solution:        string(unquote(d.values[fieldSolution])),
		Score:           number,
		Timestamp:       string(unquote(d.values[fieldTimestamp])),
		AccountSnapshot: appendCompact(nil, d.values[fieldSnapshot]),
		SourcesUsed:     stringsOf(d.values[fieldSources]),
	}
}

func stringsOf(array []byte) []string {
	list := []string{}
	for e := range elements(array) {
		list = append(list, string(unquote(e)))
	}
	return list
}

// Validate judges the values: the id a UUID, client and run not empty, the score
// within 0 to 1, the timestamp RFC 3339. The error is an [InvalidError] with
// every fault.
func (r Record) Validate() error {
	raw, err := r.appendJSON(nil)
	if err != nil {
		return err
	}
	d, err := ParseDraft(raw)
	if err != nil {
		return err
	}
	var f faults
	for fd := range fieldCount {
		if f.checkType(fd, d.values[fd]) {
			f.checkValue(fd, d.values[fd])
		}
	}
	if r.Score < 0 || r.Score > 1 {
		f.add(ReasonInvalid, fieldScore.String(), "%v is not within 0 and 1", r.Score)
	}
	return f.err()
}

// Clamped returns the record with its score brought into 0 to 1.
func (r Record) Clamped() Record {
	r.Score = min(max(r.Score, 0), 1)
	return r
}

// Draft returns the record as a draft. Fields at their zero value count as left
// out, but for the texts and the score. The error is an [InvalidError]: text that
// is not UTF-8, a score that is no number, a snapshot that is no JSON.
func (r Record) Draft() (Draft, error) {
	raw, err := r.appendJSON(nil)
	if err != nil {
		return Draft{}, err
	}
	d, err := ParseDraft(raw)
	if err != nil {
		return Draft{}, err
	}
	leftOut := [fieldCount]bool{
		fieldID:        r.ID == "",
		fieldTimestamp: r.Timestamp == "",
		fieldSnapshot:  r.AccountSnapshot == nil,
		fieldSources:   r.SourcesUsed == nil,
	}
	for fd, out := range leftOut {
		if out {
			d.values[fd] = nil
		}
	}
	return d, nil
}

// appendJSON appends the record as one line of JSON, the nine fields in schema
// order. Text that JSON cannot carry is an [InvalidError].
func (r Record) appendJSON(dst []byte) ([]byte, error) {
	var f faults
	texts := [...]struct {
		field field
		text  string
	}{
		{fieldID, r.ID},
		{fieldClient, r.ClientID},
		{fieldRun, r.RunID},
		{fieldProblem, r.Problem},
		{fieldSolution, r.Solution},
		{fieldTimestamp, r.Timestamp},
	}
	var values [fieldCount][]byte
	for _, t := range texts {
		if !utf8.ValidString(t.text) {
			f.add(ReasonNotUTF8, t.field.String(), "bytes that are not UTF-8")
		}
		values[t.field] = appendQuoted(nil, t.text)
	}
	values[fieldSources] = []byte{'['}
	for i, s := range r.SourcesUsed {
		if !utf8.ValidString(s) {
			f.add(ReasonNotUTF8, fieldSources.String(), "element %d has bytes that are not UTF-8", i+1)
		}
		if i > 0 {
			values[fieldSources] = append(values[fieldSources], ',')
		}
		values[fieldSources] = append(values[fieldSources], appendQuoted(nil, s)...)
	}
	values[fieldSources] = append(values[fieldSources], ']')
	values[fieldScore] = f.scoreJSON(r.Score)
	values[fieldSnapshot] = f.snapshotJSON(r.AccountSnapshot)
	if err := f.err(); err != nil {
		return nil, err
	}
	return appendFields(dst, values, nil), nil
}

func (f *faults) scoreJSON(v float64) []byte {
	switch {
	case math.IsNaN(v):
		f.add(ReasonInvalid, fieldScore.String(), "NaN is no score")
		return []byte("0")
	case math.IsInf(v, 1):
		return []byte("1e999")
	case math.IsInf(v, -1):
		return []byte("-1e999")
	}
	return appendScore(nil, v)
}

func (f *faults) snapshotJSON(raw json.RawMessage) []byte {
	if raw == nil {
		return []byte("{}")
	}
	if _, err := ParseDraft(raw); err != nil {
		f.add(ReasonWrongType, fieldSnapshot.String(), "want a JSON object: %v", err)
		return []byte("{}")
	}
	return raw
}

// appendScore appends the shortest decimal that reads back as v.
func appendScore(dst []byte, v float64) []byte {
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// appendFields appends one line of JSON: those of the nine fields that are there
// in schema order, then the unknown ones.
func appendFields(dst []byte, values [fieldCount][]byte, extra []member) []byte {
	dst = append(dst, '{')
	for f, value := range values {
		if value == nil {
			continue
		}
		dst = append(appendCompact(appendName(dst, field(f)), value), ',')
	}
	for _, m := range extra {
		dst = append(append(dst, m.name...), ':')
		dst = append(appendCompact(dst, m.value), ',')
	}
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}')
}
