package dataset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/explog/explog/query"
	"github.com/explog/explog/query/neardup"
)

// selection is what becomes of records.
type selection struct {
	steps   Steps
	train   []example // best first
	eval    []example
	dropped []duplicate
	// disputed are the contradictions; none are looked for in the first form.
	disputed []disputed
}

// example is one example: a record and, in a format of pairs, a worse one.
type example struct {
	query.Attempt
	rejected *query.Attempt
}

// duplicate is a record that another one stands for.
type duplicate struct {
	query.Attempt
	of         query.Attempt
	similarity float64
	fate       Fate
}

// choose takes records, in log order, through all steps.
func choose(ctx context.Context, records []query.Attempt, spec Spec) (selection, error) {
	var s selection
	p := spec.Parameters
	fresh := func(a query.Attempt) bool { return a.Seq > spec.After }
	s.steps.Found = count(records, fresh)
	if spec.Form > firstForm {
		s.disputed = contradictions(records, spec, fresh)
	}
	left := passing(records, p)
	s.steps.Passed = count(left, fresh)

	// In a delta the earlier of two duplicates stays, however good the later one is: it
	// is in an earlier version.
	slices.SortStableFunc(left, func(a, b query.Attempt) int {
		switch {
		case fresh(a) == fresh(b):
			return 0
		case fresh(b):
			return -1
		}
		return 1
	})
	left, exact := dropExact(left, spec)
	left, near, err := dropNear(ctx, left, spec)
	if err != nil {
		return s, err
	}
	followed(exact, near)
	s.take(exact, fresh)
	s.take(near, fresh)
	slices.SortFunc(left, bestFirst)

	var examples []example
	if p.Format.Paired() {
		examples = pair(left, records, spec.Folding)
	} else {
		for _, a := range left {
			examples = append(examples, example{Attempt: a})
		}
	}
	s.steps.Unpaired = count(left, fresh)
	for _, e := range examples {
		if fresh(e.Attempt) {
			s.steps.Unpaired--
		} else if e.rejected == nil || !fresh(*e.rejected) {
			continue // in an earlier version
		}
		if heldOut(spec.Folding.problem(e.Problem), p.Holdout) {
			s.eval = append(s.eval, e)
		} else {
			s.train = append(s.train, e)
		}
	}
	s.steps.HeldOut, s.steps.Written = len(s.eval), len(s.train)
	return s, nil
}

func count(records []query.Attempt, want func(query.Attempt) bool) int {
	n := 0
	for _, a := range records {
		if want(a) {
			n++
		}
	}
	return n
}

// take counts and keeps those duplicates that are wanted.
func (s *selection) take(dropped []duplicate, want func(query.Attempt) bool) {
	for _, d := range dropped {
		if !want(d.Attempt) {
			continue
		}
		s.dropped = append(s.dropped, d)
		if d.fate == ExactDuplicate {
			s.steps.ExactDuplicates++
		} else {
			s.steps.NearDuplicates++
		}
	}
}

// passing returns the records that pass the filter, best first.
func passing(records []query.Attempt, p Parameters) []query.Attempt {
	var left []query.Attempt
	for _, a := range records {
		if !blank(a.Problem) && !blank(a.Solution) && (p.Format.Labelled() || a.Score >= p.MinScore) {
			left = append(left, a)
		}
	}
	slices.SortFunc(left, bestFirst)
	return left
}

// bestFirst orders by score; ties in log order.
func bestFirst(a, b query.Attempt) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Seq, b.Seq))
}

// followed makes exact duplicates of records that were then dropped as near-duplicates
// ones of what stays.
func followed(exact, near []duplicate) {
	stays := make(map[string]duplicate, len(near))
	for _, d := range near {
		stays[d.ID] = d
	}
	for i, d := range exact {
		if n, ok := stays[d.of.ID]; ok {
			exact[i].of, exact[i].similarity = n.of, n.similarity
		}
	}
}

// dropExact keeps the first of the records with the same solution.
func dropExact(records []query.Attempt, spec Spec) (left []query.Attempt, dropped []duplicate) {
	first := make(map[string]query.Attempt, len(records))
	for _, a := range records {
		text := spec.compared(a)
		if of, ok := first[text]; ok {
			dropped = append(dropped, duplicate{a, of, 1, ExactDuplicate})
			continue
		}
		first[text] = a
		left = append(left, a)
	}
	return left, dropped
}

// dropNear keeps the first of records with nearly the same solution.
func dropNear(ctx context.Context, records []query.Attempt, spec Spec) (left []query.Attempt, dropped []duplicate, err error) {
	texts := make([]string, len(records))
	for i, a := range records {
		texts[i] = spec.compared(a)
	}
	matches, err := neardup.Thin(ctx, texts, spec.Parameters.Similarity)
	if err != nil {
		return nil, nil, err
	}
	for i, a := range records {
		if len(matches) > 0 && matches[0].Text == i {
			dropped = append(dropped, duplicate{a, records[matches[0].Of], matches[0].Similarity, NearDuplicate})
			matches = matches[1:]
			continue
		}
		left = append(left, a)
	}
	return left, dropped, nil
}

// pair makes a pair for each problem: the first of the answers that are left, which
// is the best one, and the worst one of all, the first of them in the log.
func pair(left, all []query.Attempt, f Folding) []example {
	worst := make(map[string]query.Attempt)
	for _, a := range all {
		key := f.problem(a.Problem)
		if w, ok := worst[key]; !blank(a.Solution) && (!ok || a.Score < w.Score) {
			worst[key] = a
		}
	}
	var pairs []example
	paired := make(map[string]bool)
	for _, a := range left {
		key := f.problem(a.Problem)
		if w, ok := worst[key]; ok && w.Score < a.Score && f.text(w.Solution) != f.text(a.Solution) && !paired[key] {
			pairs = append(pairs, example{a, &w})
			paired[key] = true
		}
	}
	return pairs
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }

// heldOut reports whether a folded problem is in the held-out part: whether the
// beginning of its SHA-256, read as a number from 0 to 1, is below the share. So with a
// larger share, what was held out stays so.
func heldOut(folded string, share float64) bool {
	sum := sha256.Sum256([]byte(folded))
	const bits = 53 // of a float64's mantissa
	return float64(binary.BigEndian.Uint64(sum[:])>>(64-bits))/(1<<bits) < share
}
