// Package report sums up what benchmarks came to: the measures of each, two of them
// side by side, and documents of all, as Markdown, HTML, CSV and JSON.
//
// It takes counts and results from the view, and measures from package metrics. Names,
// prompts, parameters and reasons are text that somebody else wrote, a model or a
// server among them: each document escapes them by its own rules, CSV and JSON by
// quoting alone. Documents hold no clock: the same experiments give the same bytes.
package report

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/metrics"
	"github.com/explog/explog/query"
)

// Summary is one experiment with its measures. It is the JSON of a report.
type Summary struct {
	ID       int64     `json:"id"`
	UUID     uuid.UUID `json:"uuid"`
	Name     string    `json:"name"`
	Author   string    `json:"author"`
	Model    string    `json:"model"`
	Provider string    `json:"provider"`
	PromptID int64     `json:"prompt_id"`
	Prompt   string    `json:"prompt"`
	// Template is the user message, with a place for the narrative; empty: the narrative
	// alone. If TemplateID is PromptID, there was no system message.
	TemplateID    int64           `json:"template_id,omitzero"`
	Template      string          `json:"template,omitzero"`
	PromptVersion string          `json:"prompt_version,omitzero"`
	Notes         string          `json:"notes,omitzero"`
	Parameters    json.RawMessage `json:"parameters"`
	Label         string          `json:"label"` // name of the column with the manual flags
	Repeats       int             `json:"repeats"`
	Status        string          `json:"status"`
	Reason        string          `json:"reason,omitzero"`
	Started       time.Time       `json:"started,omitzero"`
	Ended         time.Time       `json:"ended,omitzero"`
	// Total counts answers wanted: narratives times repeats.
	Total      int           `json:"total"`
	Labelled   int           `json:"labelled"`
	ManualTrue int           `json:"manual_true"`
	Positives  int           `json:"positives"` // flagged TRUE by the model
	Outcomes   Outcomes      `json:"outcomes"`
	Coverage   metrics.Value `json:"coverage"` // of the labelled
	Scores
	// Strict counts each unusable answer as wrong.
	Strict         Scores   `json:"strict"`
	InputTokens    int64    `json:"input_tokens"`
	OutputTokens   int64    `json:"output_tokens"`
	Cost           *float64 `json:"cost_usd"` // null: unknown
	MeanLatency    float64  `json:"mean_latency_seconds"`
	Calls          int      `json:"calls"`
	PossiblyBilled int      `json:"possibly_billed"` // calls that were started and never finished
}

// Scores are a confusion matrix and its measures.
type Scores struct {
	Matrix           metrics.Counts   `json:"matrix"`
	Accuracy         metrics.Estimate `json:"accuracy"`
	Precision        metrics.Estimate `json:"precision"`
	Recall           metrics.Estimate `json:"recall"`
	Specificity      metrics.Estimate `json:"specificity"`
	NPV              metrics.Estimate `json:"npv"`
	F1               metrics.Estimate `json:"f1"`
	BalancedAccuracy metrics.Value    `json:"balanced_accuracy"`
	MCC              metrics.Value    `json:"mcc"`
	Kappa            metrics.Value    `json:"kappa"`
}

// ScoresOf measures a matrix.
func ScoresOf(c metrics.Counts) Scores {
	return Scores{
		Matrix: c, Accuracy: c.Accuracy(), Precision: c.Precision(), Recall: c.Recall(), Specificity: c.Specificity(),
		NPV: c.NPV(), F1: c.F1(), BalancedAccuracy: c.BalancedAccuracy(), MCC: c.MCC(), Kappa: c.Kappa(),
	}
}

// Measure is one measure by its name. Low and High are undefined where it has no
// interval.
type Measure struct {
	Name string
	metrics.Estimate
}

// Measures lists the measures, the most telling first.
func (s Scores) Measures() []Measure {
	point := func(v metrics.Value) metrics.Estimate { return metrics.Estimate{Point: v} }
	return []Measure{
		{"F1", s.F1},
		{"precision", s.Precision},
		{"recall", s.Recall},
		{"specificity", s.Specificity},
		{"NPV", s.NPV},
		{"accuracy", s.Accuracy},
		{"balanced accuracy", point(s.BalancedAccuracy)},
		{"MCC", point(s.MCC)},
		{"Cohen's kappa", point(s.Kappa)},
	}
}

// Interval returns the 95 % interval with so many decimals, or nothing where there is
// none.
func (m Measure) Interval(decimals int) string { return interval(m.Estimate, decimals) }

func interval(e metrics.Estimate, decimals int) string {
	if _, ok := e.Low.Float64(); !ok {
		return ""
	}
	return e.Low.Text(decimals) + "–" + e.High.Text(decimals)
}

// Outcomes count how asking ended.
type Outcomes map[event.ResultOutcome]int

// Outcome is how often asking ended in one way.
type Outcome struct {
	Name  event.ResultOutcome
	Count int
}

// List returns the outcomes that came up, ok first.
func (o Outcomes) List() []Outcome {
	var list []Outcome
	for _, name := range []event.ResultOutcome{
		event.ResultOK, event.ResultUnparsed, event.ResultRefused, event.ResultFiltered,
		event.ResultTruncated, event.ResultError, event.ResultNotRun,
	} {
		if o[name] > 0 {
			list = append(list, Outcome{name, o[name]})
		}
	}
	return list
}

// Summarize sums up an experiment.
func Summarize(e query.HubExperiment) Summary {
	counts := metrics.Counts{TP: e.TP, FN: e.FN, FP: e.FP, TN: e.TN}
	return Summary{
		ID: e.ID, UUID: e.UUID, Name: e.Name, Author: e.Author, Model: e.Model, Provider: e.Provider,
		PromptID: e.PromptID, Prompt: e.Prompt,
		TemplateID: e.TemplateID, Template: e.Template, PromptVersion: e.PromptVersion, Notes: e.Notes, Parameters: e.Parameters, Label: e.Label, Repeats: e.Repeats,
		Status: e.Status, Reason: e.Reason, Started: e.Started, Ended: e.Ended,
		Total: e.Total, Labelled: e.Labelled, ManualTrue: e.ManualTrue, Positives: e.Positives, Outcomes: e.Outcomes,
		Coverage: counts.Coverage(e.Labelled), Scores: ScoresOf(counts),
		Strict:      ScoresOf(counts.Strict(e.UnusableTrue, e.UnusableFalse)),
		InputTokens: e.InputTokens, OutputTokens: e.OutputTokens, Cost: e.Cost,
		MeanLatency: e.MeanLatency.Seconds(), Calls: e.Calls, PossiblyBilled: e.PossiblyBilled,
	}
}

// Rank sorts experiments: the best F1 first, those without one last, and those that
// are alike in the order of their ids.
func Rank(list []Summary) {
	slices.SortFunc(list, func(a, b Summary) int {
		x, okX := a.F1.Point.Float64()
		y, okY := b.F1.Point.Float64()
		switch {
		case okX != okY && okX:
			return -1
		case okX != okY:
			return 1
		}
		return cmp.Or(cmp.Compare(y, x), cmp.Compare(a.ID, b.ID))
	})
}
