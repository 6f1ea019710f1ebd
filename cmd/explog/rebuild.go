package main

import (
	"context"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newRebuildCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "rebuild",
		Usage: "build the view anew from the log",
		Description: `Whoever has the view open sees the old rows or the new, never a part of them. It
is never needed for safety: a view that is missing or damaged is built anew by
itself.

Examples:
  explog rebuild`,
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return withLogger(c, cmd, func(l *explog.Logger) error {
				n, err := l.Rebuild(ctx)
				if err != nil {
					return err
				}
				return c.printf("Rebuilt %s from %s\n", filepath.Join(cmd.String("dir"), "experiments.sqlite"), plural(int64(n), "event"))
			})
		},
	}
}
