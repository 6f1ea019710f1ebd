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
	var f faults
	values := r.values(&f)
	for fd, raw := range values {
		f.checkValue(field(fd), raw)
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
// out, but for the texts and the score. What JSON cannot carry (text that is not
// UTF-8, a score that is no number, a snapshot that is no object) is a fault that
// [Draft.Complete] reports with all others.
func (r Record) Draft() Draft {
	var d Draft
	d.values = r.values(&d.faults)
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
	return d
}

// values returns the fields as raw JSON. What JSON cannot carry is a fault, and
// something valid stands in its place.
func (r Record) values(f *faults) [fieldCount][]byte {
	return [fieldCount][]byte{
		fieldID:        f.textJSON(fieldID, r.ID),
		fieldClient:    f.textJSON(fieldClient, r.ClientID),
		fieldRun:       f.textJSON(fieldRun, r.RunID),
		fieldProblem:   f.textJSON(fieldProblem, r.Problem),
		fieldSolution:  f.textJSON(fieldSolution, r.Solution),
		fieldScore:     f.scoreJSON(r.Score),
		fieldTimestamp: f.textJSON(fieldTimestamp, r.Timestamp),
		fieldSnapshot:  f.snapshotJSON(r.AccountSnapshot),
		fieldSources:   f.sourcesJSON(r.SourcesUsed),
	}
}

func (f *faults) textJSON(fd field, text string) []byte {
	if !utf8.ValidString(text) {
		f.add(ReasonNotUTF8, fd.String(), "bytes that are not UTF-8")
	}
	return appendQuoted(nil, text)
}

func (f *faults) sourcesJSON(sources []string) []byte {
	array := []byte{'['}
	for i, s := range sources {
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, f.textJSON(fieldSources, s)...)
	}
	return append(array, ']')
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
