package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
	"github.com/explog/explog/query"
)

func newHubExportCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "what experiments said of each narrative, as JSONL or CSV",
		ArgsUsage: "[NAME|ID|latest]",
		Description: `One line for each narrative and repeat, with its text, its manual flag, the answer and
the reply that it was taken from; all experiments, if none is named. In CSV, lists are
JSON, what is not there is empty, and text is as it is: a spreadsheet may take one that
begins with = for a formula. A file is written whole or not at all.

The JSONL of an experiment can be the replay_file of another, and its narratives file.

Examples:
  explog hub export latest > answers.jsonl
  explog hub export --format csv -o answers.csv`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "jsonl", Usage: "jsonl or csv"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "the `FILE` to write; - is standard output"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			format := cmd.String("format")
			if format != "jsonl" && format != "csv" {
				return usagef("--format: unknown format %q; want jsonl or csv", format)
			}
			ref := cmd.Args().First()
			err := withHub(ctx, c, cmd, func(_ *explog.Logger, h *query.Hub) error {
				wanted, err := wantedExperiments(ctx, h, ref)
				if err != nil {
					return err
				}
				return output(c, cmd.String("output"), func(w io.Writer) error {
					if format == "csv" {
						return exportCSV(ctx, w, h, wanted)
					}
					return eachResult(ctx, h, wanted, func(r resultJSON) error { return printJSON(w, r) })
				})
			})
			if ref == "" {
				return noteNone(c, err)
			}
			return err
		},
	}
}

// wantedExperiments returns the experiment that a reference names, or all.
func wantedExperiments(ctx context.Context, h *query.Hub, ref string) ([]query.HubExperiment, error) {
	if ref != "" {
		e, err := h.Experiment(ctx, ref)
		return []query.HubExperiment{e}, err
	}
	var list []query.HubExperiment
	for e, err := range h.Experiments(ctx) {
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func eachResult(ctx context.Context, h *query.Hub, list []query.HubExperiment, visit func(resultJSON) error) error {
	for _, e := range list {
		for r, err := range h.Results(ctx, e.ID) {
			if err != nil {
				return err
			}
			if err := visit(newResultJSON(e, r)); err != nil {
				return err
			}
		}
	}
	return nil
}

// resultJSON is a result as it is exported.
type resultJSON struct {
	ID             int64               `json:"id"`
	ExperimentID   int64               `json:"experiment_id"`
	Experiment     string              `json:"experiment"`
	NarrativeID    string              `json:"narrative_id"`
	Repeat         int                 `json:"repeat"`
	Text           string              `json:"narrative_text"`
	Manual         *bool               `json:"manual_flag"`
	Outcome        event.ResultOutcome `json:"outcome"`
	Problem        string              `json:"problem"`
	Flag           *bool               `json:"model_flag"`
	FalsePositive  *bool               `json:"is_false_positive"`
	FalseNegative  *bool               `json:"is_false_negative"`
	Confidence     *float64            `json:"confidence"`
	Indicators     []string            `json:"indicators"`
	Rationale      string              `json:"rationale"`
	ReasoningSteps []string            `json:"reasoning_steps"`
	Step           string              `json:"step"`
	Reply          *string             `json:"reply"` // null: no answer came
	Reasoning      string              `json:"reasoning"`
	Attempts       int                 `json:"attempts"`
	PossiblyBilled int                 `json:"possibly_billed"`
	InputTokens    *int64              `json:"input_tokens"`
	OutputTokens   *int64              `json:"output_tokens"`
	Latency        float64             `json:"latency_seconds"`
}

func newResultJSON(e query.HubExperiment, r query.HubResult) resultJSON {
	j := resultJSON{
		ID: r.ID, ExperimentID: e.ID, Experiment: e.Name, NarrativeID: r.NarrativeID, Repeat: r.Repeat, Text: r.Text,
		Manual: r.Manual, Outcome: r.Outcome, Problem: r.Problem, Flag: r.Flag, Confidence: r.Confidence,
		Indicators: append([]string{}, r.Indicators...), Rationale: r.Rationale, ReasoningSteps: append([]string{}, r.ReasoningSteps...),
		Step: r.Step, Reasoning: r.Reasoning, Attempts: r.Attempts, PossiblyBilled: r.PossiblyBilled,
		InputTokens: r.InputTokens, OutputTokens: r.OutputTokens, Latency: r.Latency.Seconds(),
	}
	if r.Manual != nil && r.Flag != nil {
		positive, negative := *r.Flag && !*r.Manual, !*r.Flag && *r.Manual
		j.FalsePositive, j.FalseNegative = &positive, &negative
	}
	if r.Outcome != event.ResultError && r.Outcome != event.ResultNotRun {
		j.Reply = &r.Reply
	}
	return j
}

// exportCSV writes the fields of a result as columns, with the names that they have
// in JSON.
func exportCSV(ctx context.Context, w io.Writer, h *query.Hub, list []query.HubExperiment) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{
		"id", "experiment_id", "experiment", "narrative_id", "repeat", "narrative_text", "manual_flag", "outcome", "problem",
		"model_flag", "is_false_positive", "is_false_negative", "confidence", "indicators", "rationale", "reasoning_steps",
		"step", "reply", "reasoning", "attempts", "possibly_billed", "input_tokens", "output_tokens", "latency_seconds",
	})
	if err != nil {
		return err
	}
	err = eachResult(ctx, h, list, func(r resultJSON) error { return out.Write(r.row()) })
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func (r resultJSON) row() []string {
	return []string{
		fmt.Sprint(r.ID), fmt.Sprint(r.ExperimentID), r.Experiment, r.NarrativeID, fmt.Sprint(r.Repeat), r.Text, flagCell(r.Manual),
		string(r.Outcome), r.Problem, flagCell(r.Flag), flagCell(r.FalsePositive), flagCell(r.FalseNegative), cell(r.Confidence),
		listCell(r.Indicators), r.Rationale, listCell(r.ReasoningSteps), r.Step, cell(r.Reply), r.Reasoning, fmt.Sprint(r.Attempts),
		fmt.Sprint(r.PossiblyBilled), cell(r.InputTokens), cell(r.OutputTokens), strconv.FormatFloat(r.Latency, 'f', -1, 64),
	}
}

// cell prints a value, or nothing where there is none.
func cell[T any](v *T) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}

func flagCell(v *bool) string {
	if v == nil {
		return ""
	}
	return flagText(v)
}

func listCell(list []string) string {
	data, _ := json.Marshal(list) // strings always can be
	return string(data)
}
