package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
	"github.com/explog/explog/query"
)

func newRunsCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "runs",
		Usage: "the programs whose output was captured",
		Description: `One line for each start: run, command, start and end, exit code, and what became
of its records. A run without an end is still going on, or explog was killed.

Examples:
  explog runs
  explog runs --json`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSONL"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return withLogger(c, cmd, func(l *explog.Logger) error { return listRuns(ctx, c, l, cmd.Bool("json")) })
		},
	}
}

func listRuns(ctx context.Context, c *console, l *explog.Logger, asJSON bool) error {
	width := terminalWidth(c.out)
	t := newTable(c.out, width, c.bold, column{name: "RUN", most: 32, keep: true}, column{name: "STARTED", most: 16, keep: true},
		column{name: "TOOK", most: 8, keep: true, num: true}, column{name: "END", most: 16, keep: true},
		column{name: "NEW", most: 8, keep: true, num: true}, column{name: "COMMAND"})
	n := 0
	for run, err := range l.Runs(ctx) {
		if err != nil {
			return err
		}
		n++
		switch {
		case asJSON:
			err = printJSON(c.out, newRunJSON(run))
		case width == 0:
			err = c.linef("%s  %s  %s", run.RunID, runEnd(run), strings.Join(run.Command, " "))
		default:
			err = t.row(run.RunID, run.Started.Local().Format("2006-01-02 15:04"), took(run), runEnd(run), runNew(run), strings.Join(run.Command, " "))
		}
		if err != nil {
			return err
		}
	}
	if n == 0 {
		c.note("no runs: explog capture -- CMD makes one")
	}
	return errors.Join(t.flush())
}

func took(run query.Run) string {
	if run.End == nil {
		return ""
	}
	return run.End.Ended.Sub(run.Started).Round(time.Second).String()
}

func runEnd(run query.Run) string {
	switch {
	case run.End == nil:
		return "no end logged"
	case run.End.Outcome == event.RunExited:
		return fmt.Sprintf("exit %d", run.End.ExitCode)
	case run.End.Outcome == event.RunKilled:
		return run.End.Signal
	}
	return strings.ReplaceAll(string(run.End.Outcome), "_", " ")
}

func runNew(run query.Run) string {
	if run.End == nil {
		return ""
	}
	return fmt.Sprint(run.End.New)
}

// runJSON is a run as it is printed with --json.
type runJSON struct {
	Start string `json:"start"` // key of the start
	event.RunStarted
	End *event.RunEnded `json:"end"`
}

func newRunJSON(run query.Run) runJSON {
	return runJSON{Start: run.ID.String(), RunStarted: run.RunStarted, End: run.End}
}
