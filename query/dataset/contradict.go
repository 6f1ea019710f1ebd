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

// contradictions finds the contradictions in which there is a record that is wanted.
func contradictions(records []query.Attempt, spec Spec, wanted func(query.Attempt) bool) []disputed {
	type group struct {
		disputed
		passes, wanted bool
	}
	groups := make(map[[sha256.Size]byte]*group)
	var order []*group
	for _, a := range records {
		if blank(a.Problem) || blank(a.Solution) {
			continue
		}
		key := sha256.Sum256([]byte(spec.Folding.problem(a.Problem) + "\x00" + spec.Folding.text(a.Solution)))
		g := groups[key]
		if g == nil {
			g = &group{}
			groups[key] = g
			order = append(order, g)
		}
		g.wanted = g.wanted || wanted(a)
		switch {
		case a.Score < spec.Parameters.MinScore:
			g.below = append(g.below, a)
		case !g.passes || bestFirst(a, g.better) < 0:
			g.better, g.passes = a, true
		}
	}
	var found []disputed
	for _, g := range order {
		if g.passes && g.wanted && len(g.below) > 0 {
			found = append(found, g.disputed)
		}
	}
	return found
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
