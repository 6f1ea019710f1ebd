package dataset

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/explog/explog/query"
)

// Contradictions are those of a version.
type Contradictions struct {
	Count int             `json:"count"`
	First []Contradiction `json:"first"` // in log order, at most five
}

// Contradiction is a problem and a solution that several records have, of which some
// score at least the least score and some do not. It does not change what is written:
// the best record stays in, as it does among duplicates, and whoever trains on the
// version decides.
type Contradiction struct {
	Better Origin `json:"better"` // the best of the records
	Worse  Origin `json:"worse"`  // the worst
}

// shownContradictions is how many of them a manifest names.
const shownContradictions = 5

// disputed is a contradiction with all its records below the least score, in log order.
type disputed struct {
	better query.Attempt
	below  []query.Attempt
}

// side says on which sides of the least score the records of a problem and a solution
// are, and whether one of them is wanted.
type side uint8

const (
	above side = 1 << iota
	below
	isWanted

	contradicts = above | below | isWanted
)

// textKey stands for a problem and a solution: a hash of both.
type textKey [16]byte

// contradictions finds the contradictions in which there is a record that is wanted, in
// the order of their first records.
func contradictions(records []query.Attempt, spec Spec, wanted func(query.Attempt) bool) []disputed {
	keys := make([]textKey, len(records))
	sides := make(map[textKey]side)
	for i, a := range records {
		if blank(a.Problem) || blank(a.Solution) {
			continue // its key has no side
		}
		s := above
		if a.Score < spec.Parameters.MinScore {
			s = below
		}
		if wanted(a) {
			s |= isWanted
		}
		sum := sha256.Sum256([]byte(spec.Folding.problem(a.Problem) + "\x00" + spec.Folding.text(a.Solution)))
		keys[i] = textKey(sum[:len(keys[i])])
		sides[keys[i]] |= s
	}
	var found []disputed
	places := make(map[textKey]int)
	for i, a := range records {
		if sides[keys[i]] != contradicts {
			continue
		}
		at, ok := places[keys[i]]
		if !ok {
			at = len(found)
			places[keys[i]] = at
			found = append(found, disputed{})
		}
		found[at].add(a, spec.Parameters.MinScore)
	}
	return found
}

// add adds a record.
func (d *disputed) add(a query.Attempt, least float64) {
	switch {
	case a.Score < least:
		d.below = append(d.below, a)
	case d.better.ID == "" || bestFirst(a, d.better) < 0:
		d.better = a
	}
}

// shown returns the contradiction as a manifest names it.
func (d disputed) shown() Contradiction {
	worst := slices.MinFunc(d.below, func(a, b query.Attempt) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.Seq, b.Seq))
	})
	return Contradiction{Better: originOf(d.better), Worse: originOf(worst)}
}

// summary returns the contradictions as a manifest has them.
func summary(found []disputed) *Contradictions {
	c := &Contradictions{Count: len(found), First: []Contradiction{}}
	for _, f := range found[:min(len(found), shownContradictions)] {
		c.First = append(c.First, f.shown())
	}
	return c
}
