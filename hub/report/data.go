package report

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/metrics"
)

// JSON writes one array, an object for each experiment in the order given. What is
// undefined is null.
func JSON(w io.Writer, list []Summary) error {
	if list == nil {
		list = []Summary{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

// CSV writes a header and one row for each experiment in the order given. What is
// undefined or unknown is empty. Text is quoted and otherwise left as it is: a
// spreadsheet may take a name that begins with = for a formula.
func CSV(w io.Writer, list []Summary) error {
	out := csv.NewWriter(w)
	header := make([]string, len(csvColumns))
	for i, c := range csvColumns {
		header[i] = c.name
	}
	if err := out.Write(header); err != nil {
		return err
	}
	for _, s := range list {
		row := make([]string, len(csvColumns))
		for i, c := range csvColumns {
			row[i] = c.cell(s)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

type csvColumn struct {
	name string
	cell func(Summary) string
}

// csvColumns are the columns of the CSV. New ones come last.
var csvColumns = []csvColumn{
	{"id", func(s Summary) string { return strconv.FormatInt(s.ID, 10) }},
	{"uuid", func(s Summary) string { return s.UUID.String() }},
	{"name", func(s Summary) string { return s.Name }},
	{"author", func(s Summary) string { return s.Author }},
	{"model", func(s Summary) string { return s.Model }},
	{"provider", func(s Summary) string { return s.Provider }},
	{"prompt_id", func(s Summary) string { return strconv.FormatInt(s.PromptID, 10) }},
	{"label", func(s Summary) string { return s.Label }},
	{"repeats", func(s Summary) string { return strconv.Itoa(s.Repeats) }},
	{"status", func(s Summary) string { return s.Status }},
	{"started", func(s Summary) string { return instant(s.Started) }},
	{"ended", func(s Summary) string { return instant(s.Ended) }},
	{"total", func(s Summary) string { return strconv.Itoa(s.Total) }},
	{"labelled", func(s Summary) string { return strconv.Itoa(s.Labelled) }},
	{"manual_true", func(s Summary) string { return strconv.Itoa(s.ManualTrue) }},
	{"positives", func(s Summary) string { return strconv.Itoa(s.Positives) }},
	{"tp", func(s Summary) string { return strconv.Itoa(s.Matrix.TP) }},
	{"fn", func(s Summary) string { return strconv.Itoa(s.Matrix.FN) }},
	{"fp", func(s Summary) string { return strconv.Itoa(s.Matrix.FP) }},
	{"tn", func(s Summary) string { return strconv.Itoa(s.Matrix.TN) }},
	{"coverage", func(s Summary) string { return number(s.Coverage) }},
	{"f1", func(s Summary) string { return number(s.F1.Point) }},
	{"f1_low", func(s Summary) string { return number(s.F1.Low) }},
	{"f1_high", func(s Summary) string { return number(s.F1.High) }},
	{"precision", func(s Summary) string { return number(s.Precision.Point) }},
	{"recall", func(s Summary) string { return number(s.Recall.Point) }},
	{"specificity", func(s Summary) string { return number(s.Specificity.Point) }},
	{"accuracy", func(s Summary) string { return number(s.Accuracy.Point) }},
	{"balanced_accuracy", func(s Summary) string { return number(s.BalancedAccuracy) }},
	{"mcc", func(s Summary) string { return number(s.MCC) }},
	{"kappa", func(s Summary) string { return number(s.Kappa) }},
	{"strict_f1", func(s Summary) string { return number(s.Strict.F1.Point) }},
	{"strict_accuracy", func(s Summary) string { return number(s.Strict.Accuracy.Point) }},
	{"ok", outcomeCell("ok")},
	{"unparsed", outcomeCell("unparsed")},
	{"refused", outcomeCell("refused")},
	{"filtered", outcomeCell("filtered")},
	{"truncated", outcomeCell("truncated")},
	{"error", outcomeCell("error")},
	{"not_run", outcomeCell("not_run")},
	{"input_tokens", func(s Summary) string { return strconv.FormatInt(s.InputTokens, 10) }},
	{"output_tokens", func(s Summary) string { return strconv.FormatInt(s.OutputTokens, 10) }},
	{"cost_usd", costCell},
	{"mean_latency_seconds", func(s Summary) string { return strconv.FormatFloat(s.MeanLatency, 'f', -1, 64) }},
	{"calls", func(s Summary) string { return strconv.Itoa(s.Calls) }},
	{"possibly_billed", func(s Summary) string { return strconv.Itoa(s.PossiblyBilled) }},
	{"precision_low", func(s Summary) string { return number(s.Precision.Low) }},
	{"precision_high", func(s Summary) string { return number(s.Precision.High) }},
	{"recall_low", func(s Summary) string { return number(s.Recall.Low) }},
	{"recall_high", func(s Summary) string { return number(s.Recall.High) }},
	{"specificity_low", func(s Summary) string { return number(s.Specificity.Low) }},
	{"specificity_high", func(s Summary) string { return number(s.Specificity.High) }},
	{"npv", func(s Summary) string { return number(s.NPV.Point) }},
	{"npv_low", func(s Summary) string { return number(s.NPV.Low) }},
	{"npv_high", func(s Summary) string { return number(s.NPV.High) }},
	{"accuracy_low", func(s Summary) string { return number(s.Accuracy.Low) }},
	{"accuracy_high", func(s Summary) string { return number(s.Accuracy.High) }},
	{"strict_f1_low", func(s Summary) string { return number(s.Strict.F1.Low) }},
	{"strict_f1_high", func(s Summary) string { return number(s.Strict.F1.High) }},
	{"strict_accuracy_low", func(s Summary) string { return number(s.Strict.Accuracy.Low) }},
	{"strict_accuracy_high", func(s Summary) string { return number(s.Strict.Accuracy.High) }},
	{"percent_overlap", func(s Summary) string { return number(s.Matrix.PercentOverlap()) }},
}

// number returns a value with all its digits, or nothing.
func number(v metrics.Value) string {
	x, ok := v.Float64()
	if !ok {
		return ""
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func outcomeCell(name event.ResultOutcome) func(Summary) string {
	return func(s Summary) string { return strconv.Itoa(s.Outcomes[name]) }
}

func costCell(s Summary) string {
	if s.Cost == nil {
		return ""
	}
	return strconv.FormatFloat(*s.Cost, 'f', -1, 64)
}
