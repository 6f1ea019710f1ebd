package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newCountCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "count",
		Usage: "count records",
		Description: `Examples:
  explog count
  explog count --client hre --min-score 0.9`,
		Flags: append(filterFlags(), &cli.BoolFlag{Name: "json", Usage: "print the count as JSON"}),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			f, err := filterOf(cmd)
			if err != nil {
				return err
			}
			var n int64
			err = withLogger(c, cmd, func(l *explog.Logger) error {
				if n, err = l.Count(ctx, f); err == nil && n == 0 {
					noteClient(ctx, c, l, f.Client)
				}
				return err
			})
			if err != nil {
				return err
			}
			if cmd.Bool("json") {
				return printJSON(c.out, map[string]int64{"count": n})
			}
			whose := ""
			if f.Client != "" {
				whose = fmt.Sprintf(" for client %q", f.Client)
			}
			return c.linef("%s%s", plural(n, "record"), whose)
		},
	}
}
