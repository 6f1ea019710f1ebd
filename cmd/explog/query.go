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
				if err == nil && n == 0 {
					c.note("no records match")
					noteClient(ctx, c, l, f.Client)
				}
				return err
			})
			return err
		},
	}
}

// printTable prints records as a table that fits the terminal. A column that the
// filter makes the same in every row is left out.
func printTable(ctx context.Context, c *console, l *explog.Logger, f explog.Filter, width int) (n int64, err error) {
	columns := []column{{name: "ID", most: 8, keep: true}, {name: "SCORE", most: 6, keep: true, num: true}, {name: "TIMESTAMP", most: 16, keep: true}}
	if width < 100 {
		columns[2].most = 10 // the date
	}
	if f.Client == "" {
		columns = append(columns, column{name: "CLIENT", most: 20})
	}
	if f.Run == "" {
		columns = append(columns, column{name: "RUN", most: 24})
	}
	t := newTable(c.out, width, c.bold, append(columns, column{name: "PROBLEM"})...)
	for r, err := range l.Query(ctx, f) {
		if err != nil {
			return n, err
		}
		n++
		cells := []string{r.ID, scoreText(r.Score), shortTime(r.Timestamp)}
		if f.Client == "" {
			cells = append(cells, r.ClientID)
		}
		if f.Run == "" {
			cells = append(cells, r.RunID)
		}
		if err := t.row(append(cells, r.Problem)...); err != nil {
			return n, err
		}
	}
	return n, t.flush()
}
