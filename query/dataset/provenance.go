package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/explog/explog/query"
)

// Fate is what became of a record.
type Fate string

// The fates.
const (
	Trained        Fate = "train"           // it is in the training file
	HeldOut        Fate = "eval"            // it is in the held-out part
	ExactDuplicate Fate = "exact_duplicate" // another one stands for it
	NearDuplicate  Fate = "near_duplicate"
	// Contradicting is a record below the least score whose problem and solution
	// another one has that is not. It may have a second line, of what became of it.
	Contradicting Fate = "contradicting"
)

// Provenance is one line of a version's provenance: where an example is from, or
// which record stands for another.
type Provenance struct {
	Fate Fate `json:"fate"`
	Line int  `json:"line,omitempty"` // of the example in its file, from 1
	Origin
	// Rejected is the worse answer of a pair.
	Rejected *Origin `json:"rejected,omitempty"`
	// Of is the id of the record that stands for a duplicate, or of the best one that a
	// record contradicts; Similarity is that of duplicates.
	Of         string  `json:"of,omitempty"`
	Similarity float64 `json:"similarity,omitempty"`
}

// Origin names a record.
type Origin struct {
	ID       string `json:"id"`
	Seq      uint64 `json:"seq"` // of its event in the log
	ClientID string `json:"client_id"`
	RunID    string `json:"run_id"`
	// NarrativeID names the narrative of a benchmark.
	NarrativeID string  `json:"narrative_id,omitempty"`
	Score       float64 `json:"score"`
}

func originOf(a query.Attempt) Origin {
	return Origin{ID: a.ID, Seq: a.Seq, ClientID: a.ClientID, RunID: a.RunID, NarrativeID: a.NarrativeID, Score: a.Score}
}

// provenance lists the examples in the order of their files, then the duplicates, then
// the records that contradict better ones.
func (s selection) provenance() []Provenance {
	var list []Provenance
	for _, side := range []struct {
		fate     Fate
		examples []example
	}{{Trained, s.train}, {HeldOut, s.eval}} {
		for i, e := range side.examples {
			p := Provenance{Fate: side.fate, Line: i + 1, Origin: originOf(e.Attempt)}
			if e.rejected != nil {
				rejected := originOf(*e.rejected)
				p.Rejected = &rejected
			}
			list = append(list, p)
		}
	}
	for _, d := range s.dropped {
		list = append(list, Provenance{Fate: d.fate, Origin: originOf(d.Attempt), Of: d.of.ID, Similarity: d.similarity})
	}
	for _, d := range s.disputed {
		for _, a := range d.below {
			list = append(list, Provenance{Fate: Contradicting, Origin: originOf(a), Of: d.better.ID})
		}
	}
	return list
}

func encodeProvenance(list []Provenance) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, p := range list {
		if err := enc.Encode(p); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func decodeProvenance(r io.Reader) ([]Provenance, error) {
	var list []Provenance
	for dec := json.NewDecoder(r); ; {
		var p Provenance
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", len(list)+1, err)
		}
		list = append(list, p)
	}
}
