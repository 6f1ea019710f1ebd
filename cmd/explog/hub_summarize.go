package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog/hub/metrics"
	"github.com/explog/explog/hub/report"
)

func newHubSummarizeCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "summarize",
		Usage: "all experiments, best first by F1",
		Description: `The formats: table, for terminals; md, Markdown; html, one page that needs no network
and shows prompts and charts; csv and json, with every measure. Experiments without an
F1 come last. A file is written whole or not at all. CSV has names as they are: a
spreadsheet may take one that begins with = for a formula.

Examples:
  explog hub summarize
  explog hub summarize --format html -o report.html`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "table", Usage: "table, md, html, csv or json"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "the `FILE` to write; - is standard output"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			write, ok := map[string]func(io.Writer, []report.Summary) error{
				"table": summaryTable, "md": report.Markdown, "html": report.HTML, "csv": report.CSV, "json": report.JSON,
			}[cmd.String("format")]
			if !ok {
				return usagef("--format: unknown format %q; want table, md, html, csv or json", cmd.String("format"))
			}
			list, err := summaries(ctx, c, cmd)
			if err != nil {
				return err
			}
			report.Rank(list)
			return output(c, cmd.String("output"), func(w io.Writer) error { return write(w, list) })
		},
	}
}

func summaryTable(w io.Writer, list []report.Summary) error {
	bold := func(text string) string { return style(w, "1", text) }
	t := newTable(w, tableWidth(w), bold, column{name: "ID", most: 6, keep: true, num: true},
		column{name: "F1", most: 5, keep: true, num: true}, column{name: "95 %", most: 11, keep: true},
		column{name: "PREC.", most: 5, keep: true, num: true}, column{name: "RECALL", most: 6, keep: true, num: true},
		column{name: "ACC.", most: 5, keep: true, num: true}, column{name: "MCC", most: 6, keep: true, num: true},
		column{name: "JUDGED", most: 13, keep: true, num: true}, column{name: "NAME"})
	for _, s := range list {
		err := t.row(fmt.Sprint(s.ID), s.F1.Point.Text(3), s.Measures()[0].Interval(3),
			s.Precision.Point.Text(3), s.Recall.Point.Text(3), s.Accuracy.Point.Text(3), s.MCC.Text(3),
			fmt.Sprintf("%d/%d", s.Matrix.N(), s.Labelled), s.Name)
		if err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	w = newSafeWriter(w)
	for _, s := range list {
		for _, line := range undefinedText(s) {
			if _, err := fmt.Fprintf(w, "%d: %s\n", s.ID, line); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintln(w, "\n"+report.Headline(list))
	return err
}

// undefinedText says of the measures in a row of the table why they are n/a, a line for
// each reason.
func undefinedText(s report.Summary) []string {
	var reasons []string
	names := make(map[string][]string)
	for _, m := range []report.Measure{
		{Name: "F1", Estimate: s.F1},
		{Name: "precision", Estimate: s.Precision},
		{Name: "recall", Estimate: s.Recall},
		{Name: "accuracy", Estimate: s.Accuracy},
		{Name: "MCC", Estimate: metrics.Estimate{Point: s.MCC}},
	} {
		reason := m.Point.Reason()
		if reason == "" {
			continue
		}
		if names[reason] == nil {
			reasons = append(reasons, reason)
		}
		names[reason] = append(names[reason], m.Name)
	}
	for i, reason := range reasons {
		verb := "is"
		if len(names[reason]) > 1 {
			verb = "are"
		}
		reasons[i] = fmt.Sprintf("%s %s n/a: %s", joinAnd(names[reason]), verb, reason)
	}
	return reasons
}
