package metrics

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// vectors are the manual and the model's flags, one narrative after the other.
func vectors(c Counts) (manual, flags []bool) {
	for _, cell := range []struct {
		n            int
		manual, flag bool
	}{{c.TP, true, true}, {c.FN, true, false}, {c.FP, false, true}, {c.TN, false, false}} {
		for range cell.n {
			manual, flags = append(manual, cell.manual), append(flags, cell.flag)
		}
	}
	return manual, flags
}

// pearson is the correlation of two vectors by the textbook's sums, NaN where one
// of them does not vary.
func pearson(a, b []bool) float64 {
	number := map[bool]float64{true: 1}
	n := float64(len(a))
	var meanA, meanB, ab, aa, bb float64
	for i := range a {
		meanA += number[a[i]] / n
		meanB += number[b[i]] / n
	}
	for i := range a {
		da, db := number[a[i]]-meanA, number[b[i]]-meanB
		ab, aa, bb = ab+da*db, aa+da*da, bb+db*db
	}
	if aa < 1e-9 || bb < 1e-9 {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}

// agreement is kappa from the observed agreement and the one expected by chance.
func agreement(a, b []bool) float64 {
	n := float64(len(a))
	var same, trueA, trueB float64
	for i := range a {
		if a[i] == b[i] {
			same++
		}
		if a[i] {
			trueA++
		}
		if b[i] {
			trueB++
		}
	}
	expected := trueA/n*(trueB/n) + (1-trueA/n)*(1-trueB/n)
	if 1-expected < 1e-9 {
		return math.NaN()
	}
	return (same/n - expected) / (1 - expected)
}

// harmonic is the harmonic mean of precision and recall, NaN where it has none.
func harmonic(c Counts) float64 {
	p, okP := c.Precision().Point.Float64()
	r, okR := c.Recall().Point.Float64()
	if !okP || !okR || p+r == 0 {
		return math.NaN()
	}
	return 2 * p * r / (p + r)
}

func anyCounts(most int) *rapid.Generator[Counts] {
	return rapid.Custom(func(t *rapid.T) Counts {
		cell := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, most))
		return Counts{cell.Draw(t, "TP"), cell.Draw(t, "FN"), cell.Draw(t, "FP"), cell.Draw(t, "TN")}
	})
}

func TestSecondFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCounts(60).Draw(t, "counts")
		manual, flags := vectors(c)
		var counted Counts
		for i := range manual {
			counted.Add(manual[i], flags[i])
		}
		if counted != c {
			t.Fatalf("counted again %+v, want %+v", counted, c)
		}
		for name, second := range map[string]float64{
			"MCC": pearson(manual, flags), "kappa": agreement(manual, flags),
		} {
			x, ok := measures(c)[name].Float64()
			if ok == math.IsNaN(second) || ok && math.Abs(x-second) > 1e-9 {
				t.Errorf("%s of %+v is %v, by the second formula %v", name, c, measures(c)[name], second)
			}
		}
		if second := harmonic(c); !math.IsNaN(second) {
			if x, ok := c.F1().Point.Float64(); !ok || math.Abs(x-second) > 1e-12 {
				t.Errorf("F1 of %+v is %v, by the second formula %v", c, x, second)
			}
		}
	})
}

func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCounts(10_000_000).Draw(t, "counts")
		for name, v := range measures(c) {
			low, high := 0.0, 1.0
			switch name {
			case "MCC", "kappa":
				low = -1
			case "percent overlap":
				high = 100
			}
			if x, ok := v.Float64(); ok && !(low <= x && x <= high) {
				t.Errorf("%s of %+v is %v", name, c, x)
			}
		}
		for name, e := range estimates(c) {
			low, _ := e.Low.Float64()
			x, ok := e.Point.Float64()
			high, _ := e.High.Float64()
			if ok && !(0 <= low && low <= x && x <= high && high <= 1 && low < high) {
				t.Errorf("%s of %+v is %v, from %v to %v", name, c, x, low, high)
			}
			if _, defined := e.Low.Float64(); defined != ok || e.Low.Reason() != e.High.Reason() || e.Low.Reason() != e.Point.Reason() {
				t.Errorf("%s of %+v is defined in part: %+v", name, c, e)
			}
		}
	})
}

func TestSymmetries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCounts(1000).Draw(t, "counts")
		roles := Counts{TP: c.TP, FN: c.FP, FP: c.FN, TN: c.TN}   // hand and model change places
		classes := Counts{TP: c.TN, FN: c.FP, FP: c.FN, TN: c.TP} // TRUE and FALSE change places
		turned := Counts{TP: c.FN, FN: c.TP, FP: c.TN, TN: c.FP}  // the model says the contrary
		same(t, "kappa, roles", c.Kappa(), roles.Kappa(), 1)
		same(t, "MCC, roles", c.MCC(), roles.MCC(), 1)
		same(t, "F1, roles", c.F1().Point, roles.F1().Point, 1)
		same(t, "precision and recall", c.Precision().Point, roles.Recall().Point, 1)
		same(t, "kappa, classes", c.Kappa(), classes.Kappa(), 1)
		same(t, "MCC, classes", c.MCC(), classes.MCC(), 1)
		same(t, "recall and specificity", c.Recall().Point, classes.Specificity().Point, 1)
		same(t, "precision and NPV", c.Precision().Point, classes.NPV().Point, 1)
		same(t, "balanced accuracy", c.BalancedAccuracy(), classes.BalancedAccuracy(), 1)
		same(t, "MCC, contrary", c.MCC(), turned.MCC(), -1)
	})
}

func same(t *rapid.T, what string, a, b Value, sign float64) {
	x, okX := a.Float64()
	y, okY := b.Float64()
	if okX != okY || math.Abs(x-sign*y) > 1e-12 {
		t.Errorf("%s: %v and %v", what, a, b)
	}
}

// The ends of Wilson's interval are the proportions p at which the score test,
// |k/n - p| = z sqrt(p(1-p)/n), is just passed.
func TestWilsonEndsAreWhereTheScoreTestIsJustPassed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100_000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		e := proportion(k, n, "")
		for _, end := range []Value{e.Low, e.High} {
			p, _ := end.Float64()
			distance := math.Abs(float64(k)/float64(n) - p)
			if allowed := z * math.Sqrt(p*(1-p)/float64(n)); p > 0 && p < 1 && math.Abs(distance-allowed) > 1e-9 {
				t.Errorf("%d of %d: the end %v is %v away, want %v", k, n, p, distance, allowed)
			}
		}
		if n == k || k == 0 {
			return
		}
		if e.Low.x <= 0 || e.High.x >= 1 {
			t.Errorf("%d of %d: from %v to %v", k, n, e.Low, e.High)
		}
	})
}

// The interval of F1 is the one of the proportion F* in the other scale.
func TestF1IntervalIsThatOfItsProportion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCounts(1000).Draw(t, "counts")
		f1, star := c.F1(), proportion(c.TP, c.TP+c.FP+c.FN, "")
		back := func(v Value) Value {
			x, ok := v.Float64()
			return Value{x: x / (2 - x), defined: ok}
		}
		same(t, "point", back(f1.Point), star.Point, 1)
		same(t, "low", back(f1.Low), star.Low, 1)
		same(t, "high", back(f1.High), star.High, 1)
	})
}

// exactMcNemar sums the tail in whole numbers.
func exactMcNemar(onlyA, onlyB int) float64 {
	n, k := int64(onlyA+onlyB), int64(min(onlyA, onlyB))
	sum, term := big.NewInt(1), big.NewInt(1)
	for i := int64(1); i <= k; i++ {
		term.Mul(term, big.NewInt(n-i+1)).Quo(term, big.NewInt(i))
		sum.Add(sum, term)
	}
	p, _ := new(big.Rat).SetFrac(sum.Lsh(sum, 1), new(big.Int).Lsh(big.NewInt(1), uint(n))).Float64()
	return min(1, p)
}

func TestMcNemarEqualsWholeNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int{5, 50, 600}).Draw(t, "most")
		a := rapid.IntRange(0, most).Draw(t, "onlyA")
		b := rapid.IntRange(0, most).Draw(t, "onlyB")
		got, want := McNemar(a, b), exactMcNemar(a, b)
		if math.Abs(got-want) > 1e-11*want {
			t.Errorf("McNemar(%d, %d) = %v, want %v", a, b, got, want)
		}
		if got != McNemar(b, a) {
			t.Errorf("McNemar(%d, %d) depends on the order", a, b)
		}
	})
}

// Of many pairs, the p-value is known where the counts are all but even: one less
// the terms in the middle, which Stirling's series gives.
func TestMcNemarOfManyPairs(t *testing.T) {
	const k = 10_000_000
	n := float64(2*k + 2)
	middle := math.Sqrt(2/(math.Pi*n)) * (1 - 1/(4*n))
	if got, want := McNemar(k, k+2), 1-middle; math.Abs(got-want) > 1e-6 {
		t.Errorf("McNemar(%d, %d) = %v, want %v", k, k+2, got, want)
	}
	if got := McNemar(k, k); got != 1 {
		t.Errorf("McNemar(%d, %d) = %v, want 1", k, k, got)
	}
	if got := McNemar(0, k); got != 0 {
		t.Errorf("McNemar(0, %d) = %v, want 0, for it is below all floating point numbers", k, got)
	}
	if got, want := McNemar(0, 1000), math.Ldexp(1, -999); math.Abs(got-want) > 1e-11*want {
		t.Errorf("McNemar(0, 1000) = %v, want %v", got, want)
	}
}
