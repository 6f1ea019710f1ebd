package event

import "strconv"

// Row is a record as a view keeps it: texts decoded, nested values as compact
// JSON, the score in the spelling under which it counts.
type Row struct {
	ID, ClientID, RunID, Problem, Solution string

	Score           string // a number within 0 to 1, as given where it was in range
	Timestamp       string
	AccountSnapshot string // a JSON object
	SourcesUsed     string // a JSON array of strings
	Extra           string // fields unknown to the schema as a JSON object; empty: none
}

// Row returns the record as views keep it.
func (s Saved) Row() Row {
	r := Row{
		ID:              s.id.String(),
		ClientID:        string(unquote(s.values[fieldClient])),
		RunID:           string(unquote(s.values[fieldRun])),
		Problem:         string(unquote(s.values[fieldProblem])),
		Solution:        string(unquote(s.values[fieldSolution])),
		Score:           string(clampScore(s.values[fieldScore]).text),
		Timestamp:       string(unquote(s.values[fieldTimestamp])),
		AccountSnapshot: string(s.values[fieldSnapshot]),
		SourcesUsed:     string(s.values[fieldSources]),
	}
	if len(s.extra) > 0 {
		r.Extra = string(appendFields(nil, [fieldCount][]byte{}, s.extra))
	}
	return r
}

// Record returns the record with its nested values decoded.
func (r Row) Record() Record {
	score, _ := strconv.ParseFloat(r.Score, 64) // a number by the type's contract
	return Record{
		ID: r.ID, ClientID: r.ClientID, RunID: r.RunID, Problem: r.Problem, Solution: r.Solution,
		Score: score, Timestamp: r.Timestamp,
		AccountSnapshot: []byte(r.AccountSnapshot), SourcesUsed: stringsOf([]byte(r.SourcesUsed)),
	}
}

// AppendJSON appends the record as one line of JSON without a newline: the nine
// fields in schema order, compact, then, if all is set, the unknown ones.
func (r Row) AppendJSON(dst []byte, all bool) []byte {
	dst = append(dst, '{')
	for _, t := range [...]struct {
		field field
		text  string
	}{
		{fieldID, r.ID},
		{fieldClient, r.ClientID},
		{fieldRun, r.RunID},
		{fieldProblem, r.Problem},
		{fieldSolution, r.Solution},
	} {
		dst = append(appendQuoted(appendName(dst, t.field), t.text), ',')
	}
	dst = append(append(appendName(dst, fieldScore), r.Score...), ',')
	dst = append(appendQuoted(appendName(dst, fieldTimestamp), r.Timestamp), ',')
	dst = append(append(appendName(dst, fieldSnapshot), r.AccountSnapshot...), ',')
	dst = append(appendName(dst, fieldSources), r.SourcesUsed...)
	if all && r.Extra != "" {
		dst = append(dst, ',')
		return append(dst, r.Extra[1:]...)
	}
	return append(dst, '}')
}

func appendName(dst []byte, f field) []byte {
	dst = append(dst, '"')
	dst = append(dst, fieldNames[f]...)
	return append(dst, `":`...)
}
