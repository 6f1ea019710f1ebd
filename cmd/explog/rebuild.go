package main

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/query"
)

func newRebuildCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "rebuild",
		Usage: "build the view anew from the log, and that of benchmarks where there are any",
		Description: `Whoever has the view open sees the old rows or the new, never a part of them. It
is never needed for safety: a view that is missing or damaged is built anew by
itself.

With --as-of, the view as it was at some time is written to a file of its own, to
be read with SQLite: after an event, by its number, or before the first event that
was recorded after a time.

Examples:
  explog rebuild
  explog rebuild --as-of 20 --to then.sqlite
  explog rebuild --as-of 7d --to last-week.sqlite`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "as-of", Usage: "the `MOMENT`: an event's number, RFC 3339, a date (UTC), or an age such as 7d"},
			&cli.StringFlag{Name: "to", Usage: "the `FILE` to write, with --as-of"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.IsSet("as-of") || cmd.IsSet("to") {
				return rebuildAsOf(ctx, c, cmd)
			}
			return withLogger(c, cmd, func(l *explog.Logger) error {
				n, err := l.Rebuild(ctx)
				if err != nil {
					return err
				}
				if err := printRebuilt(c, cmd, "experiments.sqlite", n); err != nil {
					return err
				}
				n, err = l.RebuildHub(ctx)
				if errors.Is(err, explog.ErrNoExperiment) {
					return nil
				}
				if err != nil {
					return err
				}
				return printRebuilt(c, cmd, "hub.sqlite", n)
			})
		},
	}
}

func printRebuilt(c *console, cmd *cli.Command, view string, events uint64) error {
	return c.linef("Rebuilt %s from %s", filepath.Join(cmd.String("dir"), view), plural(int64(events), "event"))
}

func rebuildAsOf(ctx context.Context, c *console, cmd *cli.Command) error {
	moment, to := cmd.String("as-of"), cmd.String("to")
	if moment == "" || to == "" {
		return usagef("--as-of wants --to, a file to write, and the other way round")
	}
	var at explog.AsOf
	var err error
	if at.Seq, err = strconv.ParseUint(moment, 10, 64); err != nil {
		at.Time, err = query.ParseTime(moment, time.Now())
	} else if at.Seq == 0 {
		return usagef("--as-of: events are numbered from 1")
	}
	if err != nil {
		return usagef("--as-of: %v", err)
	}
	return withLogger(c, cmd, func(l *explog.Logger) error {
		last, err := l.RebuildAsOf(ctx, at, to)
		if err != nil {
			return err
		}
		return c.linef("Built %s from %s", to, plural(int64(last), "event"))
	})
}
