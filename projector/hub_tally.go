package projector

import (
	"strings"

	"github.com/explog/explog/event"
)

// tallyColumns are the columns of experiments that count results and calls. They are kept
// by adding what changes, so that a change costs the same in a large experiment as in a
// small one.
var tallyColumns = [...]string{
	"total_narratives", "labelled", "manual_true", "positives", "negatives",
	"true_positives", "false_negatives", "false_positives", "true_negatives",
	"ok", "unparsed", "refused", "filtered", "truncated", "error", "not_run", "unusable_true", "unusable_false",
	"calls", "possibly_billed", "input_tokens", "output_tokens", "answered", "unreported", "latency_ns",
}

const (
	tallyProcessed = iota
	tallyLabelled
	tallyManualTrue
	tallyPositives
	tallyNegatives
	tallyTP
	tallyFN
	tallyFP
	tallyTN
	tallyOK
	tallyUnparsed
	tallyRefused
	tallyFiltered
	tallyTruncated
	tallyError
	tallyNotRun
	tallyUnusableTrue
	tallyUnusableFalse
	tallyCalls
	tallyBilled
	tallyInputTokens
	tallyOutputTokens
	tallyAnswered
	tallyUnreported
	tallyLatency
)

// outcomeColumns has the column that counts each outcome.
var outcomeColumns = map[event.ResultOutcome]int{
	event.ResultOK: tallyOK, event.ResultUnparsed: tallyUnparsed, event.ResultRefused: tallyRefused, event.ResultFiltered: tallyFiltered,
	event.ResultTruncated: tallyTruncated, event.ResultError: tallyError, event.ResultNotRun: tallyNotRun,
}

// tally is a number for each of tallyColumns.
type tally [len(tallyColumns)]int64

// add adds after, and takes before away.
func (t *tally) add(before, after tally) {
	for i := range t {
		t[i] += after[i] - before[i]
	}
}

// tally returns what a result and its calls count for in their experiment.
func (res *result) tally() tally {
	var t tally
	t[outcomeColumns[res.outcome]]++
	if res.outcome != event.ResultNotRun {
		t[tallyProcessed]++
	}
	res.tallyFlags(&t)
	for _, c := range res.calls {
		c.tally(&t)
	}
	return t
}

func (res *result) tallyFlags(t *tally) {
	unusable := res.outcome != event.ResultOK && res.outcome != event.ResultNotRun
	if res.manual != nil {
		t[tallyLabelled]++
		switch {
		case *res.manual:
			t[tallyManualTrue]++
			if unusable {
				t[tallyUnusableTrue]++
			}
		case unusable:
			t[tallyUnusableFalse]++
		}
	}
	if res.flag == nil {
		return
	}
	column, cells := tallyNegatives, [2]int{tallyFN, tallyTN}
	if *res.flag {
		column, cells = tallyPositives, [2]int{tallyTP, tallyFP}
	}
	t[column]++
	switch {
	case res.manual == nil:
	case *res.manual:
		t[cells[0]]++
	default:
		t[cells[1]]++
	}
}

func (c *call) tally(t *tally) {
	if c.started {
		t[tallyCalls]++
		if !c.finished {
			t[tallyBilled]++
		}
	}
	if c.inputTokens != nil {
		t[tallyInputTokens] += *c.inputTokens
	}
	if c.outputTokens != nil {
		t[tallyOutputTokens] += *c.outputTokens
	}
	if !c.finish {
		return
	}
	t[tallyAnswered]++
	t[tallyLatency] += c.latency
	if c.inputTokens == nil || c.outputTokens == nil {
		t[tallyUnreported]++
	}
}

// addTally adds a number to each of tallyColumns.
var addTally = func() string {
	sets := make([]string, len(tallyColumns))
	for i, column := range tallyColumns {
		sets[i] = column + " = " + column + " + ?"
	}
	return "UPDATE experiments SET " + strings.Join(sets, ", ") + " WHERE id = ?"
}()

// measure says what the counts of an experiment come to. The formulas are those of
// package hub/metrics; in SQL, a division by 0 is NULL, and so is what is computed from
// NULL.
const measure = `UPDATE experiments SET
(percent_overlap, accuracy, precision, recall, specificity, npv, f1, balanced_accuracy, mcc, kappa, coverage, cost, mean_latency_ms) =
(SELECT 100.0 * (tp + tn) / n, 1.0 * (tp + tn) / n, 1.0 * tp / (tp + fp), 1.0 * tp / (tp + fn), 1.0 * tn / (tn + fp), 1.0 * tn / (tn + fn),
2.0 * tp / (2 * tp + fp + fn), (1.0 * tp / (tp + fn) + 1.0 * tn / (tn + fp)) / 2,
max(-1.0, min(1.0, (1.0 * tp * tn - 1.0 * fn * fp) / (sqrt(1.0 * (tp + fp) * (tp + fn)) * sqrt(1.0 * (tn + fp) * (tn + fn))))),
2.0 * (tp * tn - fn * fp) / ((tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)), 1.0 * n / labelled,
CASE WHEN unreported = 0 THEN (input_tokens * input_price + output_tokens * output_price) / 1e6 END, latency_ns / 1e6 / answered
FROM (SELECT true_positives AS tp, false_negatives AS fn, false_positives AS fp, true_negatives AS tn,
true_positives + false_negatives + false_positives + true_negatives AS n))
WHERE id = ?`
