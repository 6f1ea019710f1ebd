package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/explog/explog/query/finetune"
)

// Manifest says what a version is: all that is needed to make it again.
type Manifest struct {
	Dataset int `json:"dataset"` // the version of this form: 1 or 2
	Source
	Version    int        `json:"version"`
	Explog     string     `json:"explog"`
	Log        Log        `json:"log"`
	Parameters Parameters `json:"parameters"`
	// Folding is what problems were folded by; 0, in the first form: version 1.
	Folding Folding `json:"folding,omitempty"`
	Steps   Steps   `json:"steps"`
	// Contradictions are nil in the first form: they were not looked for.
	Contradictions *Contradictions `json:"contradictions,omitempty"`
	Gates          []Gate          `json:"gates"`
	// Files are the training file, the held-out part and the provenance.
	Files []File `json:"files"`
}

// The forms of a manifest. The second one names the folding and the contradictions.
const (
	firstForm   = 1
	currentForm = 2
)

// folding returns what problems were folded by.
func (m Manifest) folding() Folding {
	if m.Dataset == firstForm {
		return foldCase
	}
	return m.Folding
}

// Outdated reports whether problems are folded by an older rule than in a dataset that
// is new.
func (m Manifest) Outdated() bool { return m.folding() < currentFolding }

// Tokens returns the tokens of both sides.
func (m Manifest) Tokens() int {
	n := 0
	for _, f := range m.Files {
		n += f.Tokens
	}
	return n
}

// Log names the records that a version is from: those logged after one event up to
// another one.
type Log struct {
	ID       string `json:"id"`
	After    uint64 `json:"after"` // 0: from the first one on
	Through  uint64 `json:"through"`
	HeadHash string `json:"head_hash"` // of the chain after the last event, hexadecimal
}

// Steps count records on their way into a version.
type Steps struct {
	Found           int `json:"found"`            // in all
	Passed          int `json:"passed"`           // the filter
	ExactDuplicates int `json:"exact_duplicates"` // of those
	NearDuplicates  int `json:"near_duplicates"`
	Unpaired        int `json:"unpaired"` // without a worse answer to make a pair with, or not the best one
	HeldOut         int `json:"held_out"`
	Written         int `json:"written"` // to the training file
}

// Examples returns the number of examples on both sides.
func (s Steps) Examples() int { return s.HeldOut + s.Written }

// duplicateRate returns the share of duplicates among what passed the filter.
func (s Steps) duplicateRate() float64 {
	return float64(s.ExactDuplicates+s.NearDuplicates) / float64(max(s.Passed, 1))
}

// Gate is a condition without which there is no version.
type Gate struct {
	Name   string  `json:"name"`
	Figure float64 `json:"figure"`
	Limit  float64 `json:"limit"`
	Passed bool    `json:"passed"`
	// Faults are the first places that break the rules of the format.
	Faults []string `json:"faults,omitempty"`
}

// The gates.
const (
	GateExamples   = "min_examples"       // at least so many examples, with those held out
	GateDuplicates = "max_duplicate_rate" // at most this share of duplicates
	GateFormat     = "format_faults"      // no fault by the rules of the format
)

// File is one file of a version.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int    `json:"bytes"`
	Lines  int    `json:"lines"`
	Tokens int    `json:"tokens,omitempty"` // of the texts of the examples, in cl100k_base
}

// encode returns the manifest's file.
func (m Manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(m)
	return b.Bytes(), err
}

func decodeManifest(data []byte) (Manifest, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var m Manifest
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("not a manifest: %w", err)
	}
	if m.Dataset < firstForm || m.Dataset > currentForm {
		return m, fmt.Errorf("a manifest of form %d, this explog reads form 1 and 2", m.Dataset)
	}
	if err := m.folding().check(); err != nil {
		return m, err
	}
	if err := m.Parameters.Check(); err != nil {
		return m, err
	}
	if m.Log.After >= m.Log.Through {
		return m, fmt.Errorf("it names the events after %d up to %d: there are none", m.Log.After, m.Log.Through)
	}
	return m, nil
}

// gates judges a version.
func gates(p Parameters, s Steps, check []finetune.Report) []Gate {
	format := Gate{Name: GateFormat, Passed: true}
	for _, r := range check {
		format.Figure += float64(r.Found)
		format.Passed = format.Passed && r.Valid()
		for _, f := range r.Faults[:min(len(r.Faults), shownFaults)] {
			format.Faults = append(format.Faults, f.String())
		}
	}
	rate := s.duplicateRate()
	return []Gate{
		{Name: GateExamples, Figure: float64(s.Examples()), Limit: float64(p.MinExamples), Passed: s.Examples() >= p.MinExamples},
		{Name: GateDuplicates, Figure: rate, Limit: p.MaxDuplicates, Passed: rate <= p.MaxDuplicates},
		format,
	}
}

// shownFaults is how many faults of a file a gate names.
const shownFaults = 5
