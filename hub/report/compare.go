package report

import (
	"iter"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/metrics"
	"github.com/explog/explog/query"
)

// Comparison sets two experiments side by side, on what both judged: narratives with
// the same id, text and manual flag, to which both gave an ok answer. Where narratives
// were asked about more than once, each repeat is a pair of its own: the first answer
// of the one with the first of the other, and so on.
type Comparison struct {
	BothRight int `json:"both_right"`
	OnlyA     int `json:"only_a_right"`
	OnlyB     int `json:"only_b_right"`
	BothWrong int `json:"both_wrong"`
	// A and B are the two confusion matrices on these narratives.
	A metrics.Counts `json:"a"`
	B metrics.Counts `json:"b"`
	// Left counts the answers that were left out.
	Left LeftOut `json:"left_out"`
	// Discordant has the pairs of which one is right, in the order of B.
	Discordant []Pair `json:"-"`
}

// Pair is what two experiments said of the same narrative.
type Pair struct{ A, B query.HubResult }

// LeftOut counts why answers did not enter a comparison, each for the first reason
// that holds, in this order.
type LeftOut struct {
	MissingInA int `json:"missing_in_a"` // A has no such narrative, or no such repeat
	MissingInB int `json:"missing_in_b"`
	OtherText  int `json:"other_text"` // the same id stands for two texts
	NoFlag     int `json:"no_manual_flag"`
	OtherFlag  int `json:"other_manual_flag"` // the two were given different flags
	UnusableA  int `json:"unusable_in_a"`     // A has no ok answer, whatever B has
	UnusableB  int `json:"unusable_in_b"`     // B has none, but A has
}

// N is the number of pairs that were compared.
func (c Comparison) N() int { return c.BothRight + c.OnlyA + c.OnlyB + c.BothWrong }

// P is the p-value of the exact two-sided McNemar test. With repeats it is too small:
// answers about the same narrative are not independent of each other.
func (c Comparison) P() float64 { return metrics.McNemar(c.OnlyA, c.OnlyB) }

// ChiSquared is the statistic and the p-value of McNemar's chi-squared test with
// continuity correction.
func (c Comparison) ChiSquared() (statistic, p metrics.Value) {
	return metrics.McNemarChiSquared(c.OnlyA, c.OnlyB)
}

// RightA reports whether it is A that is right, of a discordant pair.
func (p Pair) RightA() bool { return *p.A.Flag == *p.A.Manual }

// Some returns at most so many discordant pairs, in their order: as many of which A is
// right as of which B is right, as far as there are.
func (c Comparison) Some(most int) []Pair {
	fromA, fromB := c.OnlyA, c.OnlyB
	switch half := most / 2; {
	case fromA+fromB <= most:
		return c.Discordant
	case fromA <= half:
		fromB = most - fromA
	case fromB <= most-half:
		fromA = most - fromB
	default:
		fromA, fromB = half, most-half
	}
	var some []Pair
	for _, p := range c.Discordant {
		left := &fromB
		if p.RightA() {
			left = &fromA
		}
		if *left > 0 {
			*left--
			some = append(some, p)
		}
	}
	return some
}

// N is the number of answers that were left out.
func (l LeftOut) N() int {
	return l.MissingInA + l.MissingInB + l.OtherText + l.NoFlag + l.OtherFlag + l.UnusableA + l.UnusableB
}

// Compare pairs the results of two experiments. Those of a are held in memory.
func Compare(a, b iter.Seq2[query.HubResult, error]) (Comparison, error) {
	type asked struct {
		narrative string
		repeat    int
	}
	var c Comparison
	of := make(map[asked]query.HubResult)
	for r, err := range a {
		if err != nil {
			return c, err
		}
		of[asked{r.NarrativeID, r.Repeat}] = r
	}
	for r, err := range b {
		if err != nil {
			return c, err
		}
		key := asked{r.NarrativeID, r.Repeat}
		other, ok := of[key]
		if !ok {
			c.Left.MissingInA++
			continue
		}
		delete(of, key)
		c.add(Pair{other, r})
	}
	c.Left.MissingInB = len(of)
	return c, nil
}

func (c *Comparison) add(p Pair) {
	a, b := p.A, p.B
	switch {
	case a.Text != b.Text:
		c.Left.OtherText++
		return
	case a.Manual == nil && b.Manual == nil:
		c.Left.NoFlag++
		return
	case a.Manual == nil || b.Manual == nil || *a.Manual != *b.Manual:
		c.Left.OtherFlag++
		return
	case !usable(a):
		c.Left.UnusableA++
		return
	case !usable(b):
		c.Left.UnusableB++
		return
	}
	c.A.Add(*a.Manual, *a.Flag)
	c.B.Add(*b.Manual, *b.Flag)
	switch rightA, rightB := *a.Flag == *a.Manual, *b.Flag == *b.Manual; {
	case rightA && rightB:
		c.BothRight++
	case rightA:
		c.OnlyA++
		c.Discordant = append(c.Discordant, p)
	case rightB:
		c.OnlyB++
		c.Discordant = append(c.Discordant, p)
	default:
		c.BothWrong++
	}
}

func usable(r query.HubResult) bool { return r.Outcome == event.ResultOK && r.Flag != nil }
