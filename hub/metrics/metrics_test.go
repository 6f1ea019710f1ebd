package metrics

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
)

// near fails the test unless v is defined and within half a unit of the last of so
// many decimals of want.
func near(t *testing.T, what string, v Value, want float64, decimals int) {
	t.Helper()
	if x, ok := v.Float64(); !ok || math.Abs(x-want) > 0.5*math.Pow10(-decimals)+1e-12 {
		t.Errorf("%s = %v, want %v to %d decimals", what, v, want, decimals)
	}
}

func TestPublishedKappas(t *testing.T) {
	for _, c := range []struct {
		counts   Counts
		kappa    float64
		decimals int
	}{
		{Counts{TP: 231, FN: 27, FP: 32, TN: 54}, 0.5336, 4},
		// Sim and Wright, "The kappa statistic in reliability studies", Physical
		// Therapy 85, 2005.
		{Counts{TP: 22, FN: 4, FP: 2, TN: 11}, 0.67, 2},
		// Viera and Garrett, "Understanding interobserver agreement: the kappa
		// statistic", Family Medicine 37, 2005.
		{Counts{TP: 15, FN: 5, FP: 10, TN: 70}, 0.57, 2},
	} {
		near(t, "kappa", c.counts.Kappa(), c.kappa, c.decimals)
	}
}

// The use cases of Chicco and Jurman, "The advantages of the Matthews correlation
// coefficient (MCC) over F1 score and accuracy in binary classification
// evaluation", BMC Genomics 21, 2020.
func TestPublishedMCCs(t *testing.T) {
	near(t, "MCC", Counts{TP: 231, FN: 27, FP: 32, TN: 54}.MCC(), 0.5340, 4)
	for name, c := range map[string]struct {
		counts            Counts
		accuracy, f1, mcc float64
	}{
		"A1": {Counts{TP: 90, FN: 1, FP: 9, TN: 0}, 0.90, 0.95, -0.03},
		"A2": {Counts{TP: 5, FN: 70, FP: 6, TN: 19}, 0.24, 0.12, -0.24},
		"B1": {Counts{TP: 47, FN: 3, FP: 45, TN: 5}, 0.52, 0.66, 0.07},
		"B2": {Counts{TP: 10, FN: 40, FP: 4, TN: 46}, 0.56, 0.31, 0.17},
		"C1": {Counts{TP: 9, FN: 1, FP: 89, TN: 1}, 0.10, 0.17, -0.19},
		"C2": {Counts{TP: 2, FN: 9, FP: 1, TN: 88}, 0.90, 0.29, 0.31},
	} {
		near(t, name+" accuracy", c.counts.Accuracy().Point, c.accuracy, 2)
		near(t, name+" F1", c.counts.F1().Point, c.f1, 2)
		near(t, name+" MCC", c.counts.MCC(), c.mcc, 2)
	}
}

func TestPublishedIntervals(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
		decimals  int
	}{
		{18, 20, 0.698966, 0.972134, 6},
		// Newcombe, "Two-sided confidence intervals for the single proportion:
		// comparison of seven methods", Statistics in Medicine 17, 1998, method 3.
		{81, 263, 0.2553, 0.3662, 4},
		{15, 148, 0.0624, 0.1605, 4},
		{0, 20, 0, 0.1611, 4},
		{1, 29, 0.0061, 0.1718, 4},
	} {
		got := Counts{TP: c.k, FN: c.n - c.k}.Recall()
		near(t, "low", got.Low, c.low, c.decimals)
		near(t, "high", got.High, c.high, c.decimals)
	}
}

func TestPublishedMcNemars(t *testing.T) {
	for _, c := range []struct {
		onlyA, onlyB int
		want, within float64
	}{
		{121, 59, 4.4345e-06, 1e-10},
		// Fay, "Exact McNemar's test and matching confidence intervals", of the R
		// package exact2x2; there also that no pair at all gives 1.
		{9, 2, 0.06543, 5e-6},
		{0, 0, 1, 0},
	} {
		if got := McNemar(c.onlyA, c.onlyB); math.Abs(got-c.want) > c.within {
			t.Errorf("McNemar(%d, %d) = %v, want %v", c.onlyA, c.onlyB, got, c.want)
		}
	}
}

// The numbers are those of mcnemar.test in R 4.2.
func TestMcNemarChiSquared(t *testing.T) {
	for _, c := range []struct {
		onlyA, onlyB int
		statistic, p float64
	}{
		{10, 5, 1.06666666666667, 0.301699582478348},
		{5, 5, 0, 1},
		{1, 0, 0, 1},
		{3, 4, 0, 1},
		{0, 30, 28.0333333333333, 1.19243668544168e-07},
		{86, 150, 16.8177966101695, 4.11456228134594e-05},
	} {
		statistic, p := McNemarChiSquared(c.onlyA, c.onlyB)
		near(t, "statistic", statistic, c.statistic, 12)
		near(t, "p", p, c.p, 15)
	}
	statistic, p := McNemarChiSquared(0, 0)
	if statistic.Reason() != noneDiffers || p.Reason() != noneDiffers {
		t.Errorf("of no pair it is %v, p = %v", statistic, p)
	}
}

func TestProportionsOfAMatrix(t *testing.T) {
	c := Counts{TP: 231, FN: 27, FP: 32, TN: 54}
	near(t, "specificity", c.Specificity().Point, 54.0/86, 15)
	near(t, "NPV", c.NPV().Point, 54.0/81, 15)
	near(t, "recall", c.Recall().Point, 231.0/258, 15)
	near(t, "precision", c.Precision().Point, 231.0/263, 15)
	near(t, "accuracy", c.Accuracy().Point, 285.0/344, 15)
	near(t, "percent overlap", c.PercentOverlap(), 100*285.0/344, 12)
	near(t, "balanced accuracy", c.BalancedAccuracy(), (54.0/86+231.0/258)/2, 15)
	near(t, "F1", c.F1().Point, 2*231.0/(2*231+27+32), 15)
	near(t, "coverage", c.Coverage(400), 344.0/400, 15)
}

// measures are all measures of a matrix by name.
func measures(c Counts) map[string]Value {
	all := map[string]Value{
		"percent overlap": c.PercentOverlap(), "balanced accuracy": c.BalancedAccuracy(),
		"MCC": c.MCC(), "kappa": c.Kappa(),
	}
	for name, e := range estimates(c) {
		all[name] = e.Point
	}
	return all
}

func estimates(c Counts) map[string]Estimate {
	return map[string]Estimate{
		"accuracy": c.Accuracy(), "precision": c.Precision(), "recall": c.Recall(),
		"specificity": c.Specificity(), "NPV": c.NPV(), "F1": c.F1(),
	}
}

// Of each kind of matrix, the measures that are undefined are these, with these
// reasons, and all others are defined.
func TestUndefined(t *testing.T) {
	for _, c := range []struct {
		counts Counts
		want   map[string]string
	}{
		{Counts{}, map[string]string{
			"accuracy": noneJudged, "percent overlap": noneJudged, "precision": noneJudged, "recall": noneJudged,
			"specificity": noneJudged, "NPV": noneJudged, "F1": noneJudged, "balanced accuracy": noneJudged, "MCC": noneJudged, "kappa": noneJudged,
		}},
		{Counts{TP: 3}, map[string]string{
			"specificity": noneFalse, "NPV": allFlagged, "balanced accuracy": noneFalse, "MCC": noneFalse, "kappa": bothConstant,
		}},
		{Counts{TN: 3}, map[string]string{
			"precision": noneFlagged, "recall": noneTrue, "F1": noneEither,
			"balanced accuracy": noneTrue, "MCC": noneTrue, "kappa": bothConstant,
		}},
		{Counts{FN: 3}, map[string]string{
			"precision": noneFlagged, "specificity": noneFalse, "balanced accuracy": noneFalse, "MCC": noneFalse,
		}},
		{Counts{FP: 3}, map[string]string{
			"NPV": allFlagged, "recall": noneTrue, "balanced accuracy": noneTrue, "MCC": noneTrue,
		}},
		{Counts{TP: 3, FN: 2}, map[string]string{
			"specificity": noneFalse, "balanced accuracy": noneFalse, "MCC": noneFalse,
		}},
		{Counts{FP: 3, TN: 2}, map[string]string{
			"recall": noneTrue, "balanced accuracy": noneTrue, "MCC": noneTrue,
		}},
		{Counts{TP: 3, FP: 2}, map[string]string{"NPV": allFlagged, "MCC": allFlagged}},
		{Counts{FN: 3, TN: 2}, map[string]string{"precision": noneFlagged, "MCC": noneFlagged}},
		{Counts{TP: 1, TN: 1}, map[string]string{}},
		{Counts{FP: 1, FN: 1}, map[string]string{}},
		{Counts{TP: 1, FN: 1, FP: 1}, map[string]string{}},
		{Counts{TN: 1, FN: 1, FP: 1}, map[string]string{}},
	} {
		got := map[string]string{}
		for name, v := range measures(c.counts) {
			if _, ok := v.Float64(); !ok {
				got[name] = v.Reason()
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: undefined are %v, want %v", c.counts, got, c.want)
		}
	}
	if v := (Counts{}).Coverage(0); v.Reason() != noneLabelled {
		t.Errorf("the coverage of nothing is %v", v)
	}
	near(t, "the coverage of answers that cannot be used", Counts{}.Coverage(5), 0, 15)
}

func TestValueShowsThatItIsUndefined(t *testing.T) {
	for _, c := range []struct {
		v                        Value
		text, full, json, reason string
		sql                      any
	}{
		{known(0), "0.00", "0.0000", "0", "", 0.0},
		{known(0.88675), "0.89", "0.8868", "0.88675", "", 0.88675},
		{known(-1), "-1.00", "-1.0000", "-1", "", -1.0},
		{undefined(noneFlagged), "n/a", "n/a (no narrative was flagged by the model)", "null", noneFlagged, nil},
		{Value{}, "n/a", "n/a (it was not measured)", "null", "it was not measured", nil},
	} {
		encoded, err := json.Marshal(c.v)
		if err != nil {
			t.Error(err)
		}
		sql, err := c.v.Value()
		if err != nil {
			t.Error(err)
		}
		if c.v.Text(2) != c.text || c.v.String() != c.full || string(encoded) != c.json || c.v.Reason() != c.reason || sql != c.sql {
			t.Errorf("%#v shows as %q, %q, JSON %s, SQL %v, reason %q", c.v, c.v.Text(2), c.v.String(), encoded, sql, c.v.Reason())
		}
	}
}

func TestStrictCountsUnusableAnswersAsWrong(t *testing.T) {
	got := Counts{TP: 5, FN: 1, FP: 2, TN: 7}.Strict(3, 4)
	if want := (Counts{TP: 5, FN: 4, FP: 6, TN: 7}); got != want {
		t.Errorf("strict counts are %+v, want %+v", got, want)
	}
}
