package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/report"
)

func newHubListCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "all experiments, in the order in which they were defined",
		Description: `DONE counts the answers that were asked for. An experiment that is running, and of
which no explog knows, was killed: the same explog hub run goes on with it.

Examples:
  explog hub list
  explog hub list --json`,
		Flags: []cli.Flag{jsonFlag("print JSONL, an object for each experiment")},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			list, err := summaries(ctx, c, cmd)
			if err != nil {
				return err
			}
			return listExperiments(c, list, cmd.Bool("json"))
		},
	}
}

func listExperiments(c *console, list []report.Summary, asJSON bool) error {
	t := newTable(c.out, tableWidth(c.out), c.bold, column{name: "ID", most: 6, keep: true, num: true},
		column{name: "STARTED", most: 16, keep: true}, column{name: "STATUS", most: 8, keep: true},
		column{name: "DONE", most: 13, keep: true, num: true}, column{name: "F1", most: 5, keep: true, num: true}, column{name: "NAME"})
	for _, s := range list {
		if asJSON {
			if err := printJSON(c.out, s); err != nil {
				return err
			}
			continue
		}
		started := "never"
		if !s.Started.IsZero() {
			started = s.Started.Local().Format("2006-01-02 15:04")
		}
		done := fmt.Sprintf("%d/%d", s.Total-s.Outcomes[event.ResultNotRun], s.Total)
		if err := t.row(fmt.Sprint(s.ID), started, s.Status, done, s.F1.Point.Text(3), s.Name); err != nil {
			return err
		}
	}
	return t.flush()
}
