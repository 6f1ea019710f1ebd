package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/query/finetune"
)

func newDatasetCheckCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "check any training file by the rules of its format",
		ArgsUsage: "FILE",
		Description: `Reads a file of examples, JSONL or one JSON array, plain or packed with gzip or
Zstandard, and names each place that breaks a published rule of the format: keys,
roles and their order, who speaks last, calls of tools and their answers, weights, what
a preference must have on each side, and the least number of examples. In trl, trl-dpo
and kto a fault is what TRL's trainers refuse. Notes are about what breaks no rule and
may not be meant, such as a column that no trainer reads. No store is needed. Exit code
1 means that there are faults; notes do not count. FILE may be -, standard input.

Formats: ` + formatNames() + `.

Examples:
  explog dataset check train.jsonl --format openai
  head -n 5 train.jsonl | explog dataset check - --format openai --held-out`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "the `FORMAT` of the file (required)"},
			&cli.BoolFlag{Name: "held-out", Usage: "the file is the held-out part: it may have few examples"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error { return runDatasetCheck(ctx, c, cmd) },
	}
}

// formatNames lists the formats for people.
func formatNames() string {
	var names []string
	for _, f := range finetune.Formats() {
		names = append(names, string(f))
	}
	return joinAnd(names)
}

func runDatasetCheck(ctx context.Context, c *console, cmd *cli.Command) error {
	if cmd.String("format") == "" {
		return usagef("%s wants --format: %s", cmd.FullName(), formatNames())
	}
	f, err := finetune.ParseFormat(cmd.String("format"))
	if err != nil {
		return usagef("--format: %v", err)
	}
	path := cmd.Args().First()
	in, err := openInput(ctx, c, explog.ImportOptions{Source: path})
	if err != nil {
		return err
	}
	check := finetune.Check
	if cmd.Bool("held-out") {
		check = finetune.CheckHeldOut
	}
	report, err := check(in, f)
	if err := errors.Join(err, in.Close()); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if cmd.Bool("json") {
		err = printJSON(c.out, newCheckJSON(report))
	} else {
		err = printChecked(c, path, report)
	}
	if err == nil && !report.Valid() {
		err = &codeError{code: exitFailed}
	}
	return err
}

// printChecked prints a fault a line, then a note a line, then the totals.
func printChecked(c *console, path string, r finetune.Report) error {
	if path == "-" {
		path = "standard input"
	}
	var b strings.Builder
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "%s: %s\n", path, printable(f.String()))
	}
	if more := r.Found - len(r.Faults); more > 0 {
		fmt.Fprintf(&b, "and %s more\n", plural(int64(more), "fault"))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s: note: %s\n", path, printable(n.String()))
	}
	if r.Valid() {
		fmt.Fprintf(&b, "%s is valid %s: %s\n", path, r.Format, plural(int64(r.Examples), "example"))
	} else {
		fmt.Fprintf(&b, "%s is not valid %s: %s in %d of %s\n", path, r.Format,
			plural(int64(r.Found), "fault"), r.Invalid, plural(int64(r.Examples), "example"))
	}
	return c.printf("%s", b.String())
}

type checkJSON struct {
	OK bool `json:"ok"`
	finetune.Report
}

func newCheckJSON(r finetune.Report) checkJSON { return checkJSON{r.Valid(), r} }
