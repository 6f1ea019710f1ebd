package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newQueryCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "query",
		Usage: "list records",
		Description: `A table on a terminal; JSONL, one record a line, with --json or where there is none.

Examples:
  explog query --client hre --order best --limit 10
  explog query --since 7d --source gtm --json`,
		Flags: append(filterFlags(), &cli.BoolFlag{Name: "json", Usage: "print JSONL on a terminal too"}),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			f, err := filterOf(cmd)
			if err != nil {
				return err
			}
			var n int64
			err = withLogger(c, cmd, func(l *explog.Logger) error {
				if width := terminalWidth(c.out); width > 0 && !cmd.Bool("json") {
					n, err = printTable(ctx, c, l, f, width)
				} else {
					n, err = l.Export(ctx, c.out, f, false)
				}
				return err
			})
			if err == nil && n == 0 {
				c.note("no records match")
			}
			return err
		},
	}
}

// printTable prints records as a table that fits the terminal.
func printTable(ctx context.Context, c *console, logger *explog.Logger, f explog.Filter, width int) (int64, error) {
	t := newTable(width, column{"ID", 8}, column{"CLIENT", 12}, column{"RUN", 18}, column{"SCORE", 6}, column{"TIMESTAMP", 16}, column{"PROBLEM", 0})
	var n int64
	for r, err := range logger.Query(ctx, f) {
		if err != nil {
			return n, err
		}
		if n == 0 {
			if err := t.header(c.out); err != nil {
				return n, err
			}
		}
		n++
		if err := t.row(c.out, r.ID, r.ClientID, r.RunID, scoreText(r.Score), shortTime(r.Timestamp), r.Problem); err != nil {
			return n, err
		}
	}
	return n, nil
}
