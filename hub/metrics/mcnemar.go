package metrics

import "math"

// McNemar returns the p-value of the exact two-sided McNemar test of two
// experiments on the same narratives: how likely counts as uneven as these, or more
// uneven, are if both are right equally often. onlyA counts the narratives that
// only the one got right, onlyB those that only the other did.
//
// It is twice the smaller tail of the binomial distribution of onlyA+onlyB draws at
// 1/2, at most 1, and 1 where there are none (McNemar, "Note on the sampling error
// of the difference between correlated proportions or percentages", Psychometrika
// 12, 1947). It has six correct digits for up to 10 million narratives each.
// Values below 5e-324 are 0.
func McNemar(onlyA, onlyB int) float64 {
	n, k := onlyA+onlyB, min(onlyA, onlyB)
	// The tail in units of its largest term, from there down, until terms no
	// longer count.
	sum, term := 1.0, 1.0
	for i := k; i > 0 && term > sum*1e-17; i-- {
		term *= float64(i) / float64(n-i+1)
		sum += term
	}
	return min(1, 2*sum*math.Exp(logBinomial(n, k)-float64(n)*math.Ln2))
}

// McNemarChiSquared returns the statistic of McNemar's test with Edwards' continuity
// correction, (|onlyA-onlyB|-1)²/(onlyA+onlyB), and its p-value by the chi-squared
// distribution with one degree of freedom (Edwards, "Note on the correction for continuity
// in testing the significance of the difference between correlated proportions",
// Psychometrika 13, 1948). Where the two counts are equal nothing is corrected, as in R:
// the statistic is 0. Both are undefined where the counts are 0.
func McNemarChiSquared(onlyA, onlyB int) (statistic, p Value) {
	n := float64(onlyA) + float64(onlyB)
	if n == 0 {
		return undefined(noneDiffers), undefined(noneDiffers)
	}
	d := max(0, math.Abs(float64(onlyA)-float64(onlyB))-1)
	x := d * d / n
	return known(x), known(math.Erfc(math.Sqrt(x / 2)))
}

// logBinomial returns the natural logarithm of n over k.
func logBinomial(n, k int) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n int) float64 {
	l, _ := math.Lgamma(float64(n) + 1)
	return l
}
