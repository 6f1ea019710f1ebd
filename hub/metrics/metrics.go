// Package metrics measures how well yes/no answers agree with flags set by hand.
//
// All of it are pure functions of counts. Positive is flag TRUE. What is 0/0 is no
// number: such a [Value] is undefined and says why, and is never 0.
package metrics

import "math"

// Counts is a confusion matrix: how often the manual flag and the model's flag went
// together. It holds the narratives that have both, and no others. The counts are
// not negative; up to 10 million each, the measures are exact but for the rounding
// of the last digits.
type Counts struct {
	TP int `json:"tp"` // TRUE by hand, TRUE by the model
	FN int `json:"fn"` // TRUE by hand, FALSE by the model
	FP int `json:"fp"` // FALSE by hand, TRUE by the model
	TN int `json:"tn"` // FALSE by hand, FALSE by the model
}

// Why a measure is undefined.
const (
	noneJudged   = "no narrative has both a manual flag and a usable answer"
	noneLabelled = "no narrative has a manual flag"
	noneTrue     = "no narrative has the manual flag TRUE"
	noneFalse    = "no narrative has the manual flag FALSE"
	noneFlagged  = "no narrative was flagged by the model"
	allFlagged   = "every narrative was flagged by the model"
	noneEither   = "no narrative was flagged, by hand or by the model"
	noneDiffers  = "both are right about the same narratives"
	bothConstant = "the model and the manual flags say the same of every narrative"
)

// Add counts one narrative.
func (c *Counts) Add(manual, flag bool) {
	switch {
	case manual && flag:
		c.TP++
	case manual:
		c.FN++
	case flag:
		c.FP++
	default:
		c.TN++
	}
}

// N is the number of narratives in the matrix.
func (c Counts) N() int { return c.TP + c.FN + c.FP + c.TN }

// Strict returns the matrix in which each unusable answer counts as wrong. Of the
// narratives without a usable answer, manualTrue have the manual flag TRUE and
// become false negatives, and manualFalse have FALSE and become false positives.
func (c Counts) Strict(manualTrue, manualFalse int) Counts {
	c.FN += manualTrue
	c.FP += manualFalse
	return c
}

// Coverage is the share of the narratives with a manual flag, labelled in number,
// that are in the matrix.
func (c Counts) Coverage(labelled int) Value {
	return ratio(float64(c.N()), float64(labelled), noneLabelled)
}

// Accuracy is the share of narratives where model and manual flag agree, (TP+TN)/n.
func (c Counts) Accuracy() Estimate { return proportion(c.TP+c.TN, c.N(), noneJudged) }

// PercentOverlap is the accuracy in percent, 100 × (TP+TN)/n.
func (c Counts) PercentOverlap() Value {
	return ratio(100*float64(c.TP+c.TN), float64(c.N()), noneJudged)
}

// Precision is the share of the model's TRUE flags that are right, TP/(TP+FP).
func (c Counts) Precision() Estimate { return proportion(c.TP, c.TP+c.FP, c.why(noneFlagged)) }

// Recall is the share of the manual TRUE flags that the model found, TP/(TP+FN).
// It is also called sensitivity.
func (c Counts) Recall() Estimate { return proportion(c.TP, c.TP+c.FN, c.why(noneTrue)) }

// Specificity is the share of the manual FALSE flags that the model found,
// TN/(TN+FP).
func (c Counts) Specificity() Estimate { return proportion(c.TN, c.TN+c.FP, c.why(noneFalse)) }

// NPV is the negative predictive value, the share of the model's FALSE flags that are
// right, TN/(TN+FN).
func (c Counts) NPV() Estimate { return proportion(c.TN, c.TN+c.FN, c.why(allFlagged)) }

// F1 is 2TP/(2TP+FP+FN), the harmonic mean of precision and recall where these are
// defined. It is 0, and defined, where the model flagged nothing that it should
// have.
//
// It is a rising function of a plain proportion, F* = TP/(TP+FP+FN) (Hand, Christen
// and Kirielle, "F*: an interpretable transformation of the F-measure", Machine
// Learning 110, 2021): F1 = 2F*/(1+F*). So its interval is Wilson's of F*, carried
// over.
func (c Counts) F1() Estimate {
	star := proportion(c.TP, c.TP+c.FP+c.FN, c.why(noneEither))
	f1 := func(v Value) Value {
		if v.defined {
			v.x = 2 * v.x / (1 + v.x)
		}
		return v
	}
	return Estimate{f1(star.Point), f1(star.Low), f1(star.High)}
}

// BalancedAccuracy is the mean of recall and specificity. It is undefined where
// either is.
func (c Counts) BalancedAccuracy() Value {
	recall, specificity := c.Recall().Point, c.Specificity().Point
	switch {
	case !recall.defined:
		return recall
	case !specificity.defined:
		return specificity
	}
	return known((recall.x + specificity.x) / 2)
}

// MCC is the Matthews correlation coefficient, the correlation of the two flags as
// 0 and 1, from -1 to 1 (Matthews, "Comparison of the predicted and observed
// secondary structure of T4 phage lysozyme", Biochimica et Biophysica Acta 405,
// 1975). It is undefined where either flag is the same throughout.
func (c Counts) MCC() Value {
	switch {
	case c.TP+c.FN == 0:
		return undefined(c.why(noneTrue))
	case c.TN+c.FP == 0:
		return undefined(noneFalse)
	case c.TP+c.FP == 0:
		return undefined(noneFlagged)
	case c.TN+c.FN == 0:
		return undefined(allFlagged)
	}
	tp, fn, fp, tn := c.floats()
	r := (tp*tn - fp*fn) / (math.Sqrt((tp+fp)*(tp+fn)) * math.Sqrt((tn+fp)*(tn+fn)))
	return known(max(-1, min(1, r)))
}

// Kappa is Cohen's kappa, the agreement beyond what chance would give, at most 1
// (Cohen, "A coefficient of agreement for nominal scales", Educational and
// Psychological Measurement 20, 1960). It is undefined where chance alone would
// give full agreement.
func (c Counts) Kappa() Value {
	tp, fn, fp, tn := c.floats()
	return ratio(2*(tp*tn-fp*fn), (tp+fp)*(fp+tn)+(tp+fn)*(fn+tn), c.why(bothConstant))
}

// floats returns the counts as numbers whose products do not overflow.
func (c Counts) floats() (tp, fn, fp, tn float64) {
	return float64(c.TP), float64(c.FN), float64(c.FP), float64(c.TN)
}

// why returns the reason for which a measure is undefined: the one given, unless
// the matrix is empty.
func (c Counts) why(reason string) string {
	if c.N() == 0 {
		return noneJudged
	}
	return reason
}
