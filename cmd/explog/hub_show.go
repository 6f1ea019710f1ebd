package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/report"
	"github.com/explog/explog/query"
)

func newHubShowCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "one experiment, with its measures",
		ArgsUsage: "NAME|ID|latest",
		Description: `NAME is the latest experiment of that name, ID its number in hub list, or its UUID.

Positive is the flag TRUE. Only answers that are usable (outcome ok), to narratives
that have a manual flag, enter the matrix; what is left out is counted beside it, and
"strict" counts it as wrong. With repeats, each answer is a row of the matrix; their
intervals are too narrow, for answers about one narrative are not independent.
Intervals are Wilson's, 95 %. A measure that would be 0/0 is n/a, with the reason. The
first replies that are not usable follow, with the reason of each.

Examples:
  explog hub show latest
  explog hub show "Keywords, baseline prompt" --json`,
		Flags: []cli.Flag{jsonFlag("print one JSON object")},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			shown, err := experimentShown(ctx, c, cmd)
			switch {
			case err != nil:
				return err
			case cmd.Bool("json"):
				return printJSON(c.out, shown)
			}
			return showExperiment(c, shown)
		},
	}
}

// shownExperiment is an experiment as it is shown, with the first results that have no
// usable answer.
type shownExperiment struct {
	report.Summary
	Unusable []unusableResult `json:"unusable"`
}

type unusableResult struct {
	NarrativeID string              `json:"narrative_id"`
	Repeat      int                 `json:"repeat"`
	Outcome     event.ResultOutcome `json:"outcome"`
	Problem     string              `json:"problem"`
	Reply       string              `json:"reply"`
}

const unusableShown = 5

func experimentShown(ctx context.Context, c *console, cmd *cli.Command) (shownExperiment, error) {
	var shown shownExperiment
	err := readingHub(ctx, c, cmd, func(h *query.Hub) error {
		e, err := h.Experiment(ctx, cmd.Args().First())
		if err != nil {
			return err
		}
		shown = shownExperiment{Summary: report.Summarize(e), Unusable: []unusableResult{}}
		for r, err := range h.Unusable(ctx, e.ID, unusableShown) {
			if err != nil {
				return err
			}
			shown.Unusable = append(shown.Unusable, unusableResult{r.NarrativeID, r.Repeat, r.Outcome, r.Problem, r.Reply})
		}
		return nil
	})
	return shown, err
}

func showExperiment(c *console, shown shownExperiment) error {
	s := shown.Summary
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", c.bold(heading(s.ID, s.Name)))
	for _, f := range s.Facts() {
		fmt.Fprintf(&b, "%-13s %s\n", f.Name, oneLine(f.Text))
	}
	b.WriteString("\n")
	writeMatrix(&b, [2]string{"manual TRUE", "manual FALSE"}, [2]string{"model TRUE", "model FALSE"},
		[2][2]int{{s.Matrix.TP, s.Matrix.FN}, {s.Matrix.FP, s.Matrix.TN}})
	b.WriteString("\n")
	writeMeasures(c, &b, s)
	writeUnusable(c, &b, shown)
	if parameters := s.ParametersText(); parameters != "" {
		fmt.Fprintf(&b, "\nparameters\n%s\n", indent(strings.TrimRight(parameters, "\n")))
	}
	writePrompts(&b, s)
	return c.printf("%s", b.String())
}

// writePrompts writes what the model was told: the system message, and the user message
// if it is more than the narrative.
func writePrompts(b *strings.Builder, s report.Summary) {
	if s.Notes != "" {
		fmt.Fprintf(b, "\nnotes\n%s\n", indent(strings.TrimRight(s.Notes, "\n")))
	}
	name := fmt.Sprintf("prompt %d", s.PromptID)
	if s.PromptVersion != "" {
		name += " (" + oneLine(s.PromptVersion) + ")"
	}
	if s.TemplateID == s.PromptID {
		name += ", the user message; there is no system message"
	}
	fmt.Fprintf(b, "\n%s\n%s\n", name, indent(strings.TrimRight(s.Prompt, "\n")))
	if s.TemplateID != 0 && s.TemplateID != s.PromptID {
		fmt.Fprintf(b, "\nuser message, prompt %d\n%s\n", s.TemplateID, indent(strings.TrimRight(s.Template, "\n")))
	}
}

// writeUnusable writes the first results that have no usable answer, and why.
func writeUnusable(c *console, b *strings.Builder, shown shownExperiment) {
	if len(shown.Unusable) == 0 {
		return
	}
	all := shown.Total - shown.Outcomes[event.ResultOK] - shown.Outcomes[event.ResultNotRun]
	heading := "UNUSABLE"
	if all > len(shown.Unusable) {
		heading = fmt.Sprintf("UNUSABLE, the first %d of %d; explog hub export has them all", len(shown.Unusable), all)
	}
	fmt.Fprintf(b, "\n%s\n", c.bold(heading))
	for _, r := range shown.Unusable {
		which := ""
		if shown.Repeats > 1 {
			which = fmt.Sprintf(", repeat %d", r.Repeat+1)
		}
		fmt.Fprintf(b, "%s%s  %s\n", oneLine(r.NarrativeID), which, outcomeText(r.Outcome, r.Problem))
		if r.Reply != "" {
			fmt.Fprintf(b, "  %s\n", beginning(oneLine(r.Reply)))
		}
	}
}

// beginning returns a text cut to what a person reads to see what it is.
func beginning(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// heading names an experiment as it is referred to.
func heading(id int64, name string) string { return fmt.Sprintf("%d  %s", id, oneLine(name)) }

// writeMatrix writes four counts under two headings.
func writeMatrix(b *strings.Builder, rows, columns [2]string, counts [2][2]int) {
	fmt.Fprintf(b, "%-12s  %10s  %11s\n", "", columns[0], columns[1])
	for i, name := range rows {
		fmt.Fprintf(b, "%-12s  %10d  %11d\n", name, counts[i][0], counts[i][1])
	}
}

func writeMeasures(c *console, b *strings.Builder, s report.Summary) {
	if reason := s.Accuracy.Point.Reason(); reason != "" {
		fmt.Fprintf(b, "measures are n/a: %s\n", reason)
		return
	}
	fmt.Fprintln(b, c.bold(fmt.Sprintf("%-17s  %-6s  %-11s  %s", "MEASURE", "VALUE", "95 %", "STRICT")))
	strict := s.Strict.Measures()
	for i, m := range s.Measures() {
		line := fmt.Sprintf("%-17s  %6s  %-11s  %6s", m.Name, m.Point.Text(3), m.Interval(3), strict[i].Point.Text(3))
		if reason := m.Point.Reason(); reason != "" {
			line += "  " + reason
		}
		fmt.Fprintln(b, line)
	}
	fmt.Fprintln(b, "Strict counts each unusable answer as wrong.")
}
