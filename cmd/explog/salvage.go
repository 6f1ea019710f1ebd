package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/eventlog"
)

func newSalvageCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "salvage",
		Usage: "save what can be read of a damaged log into a new store",
		Description: `Looks for every block of events whose checksum holds, wherever it lies in the
file, orders them by the hash chain and saves their events into a new store. Says
which events are missing, by their numbers in the old log. The damaged log is not
changed. Exit code 4 means that something is missing.

Prefer a backup where there is one (explog backup), and then import what came
after it.

Examples:
  explog salvage --to salvaged`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the `FOLDER` of the new store (required)"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			to := cmd.String("to")
			if to == "" {
				return usagef("explog salvage wants --to; see explog salvage --help")
			}
			return withLogger(c, cmd, func(l *explog.Logger) error {
				s, err := l.Salvage(ctx, to)
				if err != nil {
					return err
				}
				if cmd.Bool("json") {
					err = printJSON(c.out, newSalvagedJSON(s))
				} else {
					err = printSalvaged(c, s, to)
				}
				if err == nil && len(s.Missing)+len(s.Doubtful) > 0 {
					err = &codeError{code: exitDamage}
				}
				return err
			})
		},
	}
}

func printSalvaged(c *console, s eventlog.Salvaged, to string) error {
	for _, r := range s.Missing {
		if err := c.linef("missing: %s", r); err != nil {
			return err
		}
	}
	for _, r := range s.Doubtful {
		if err := c.linef("doubtful: %s: two versions were found, and nothing tells which one was saved", r); err != nil {
			return err
		}
	}
	if s.End == 0 {
		c.note("nothing tells where the damaged log should end: events at its end may be missing")
	}
	all := ""
	if s.End > 0 && s.Events == s.End {
		all = ", which is all of them"
	}
	return c.linef("Salvaged %s to %s%s", plural(int64(s.Events), "event"), to, all)
}

type salvagedJSON struct {
	Events   uint64           `json:"events"`
	End      uint64           `json:"end"` // last event that the damaged log should have; 0: not known
	Missing  []eventlog.Range `json:"missing"`
	Doubtful []eventlog.Range `json:"doubtful"`
}

func newSalvagedJSON(s eventlog.Salvaged) salvagedJSON {
	return salvagedJSON{s.Events, s.End, append([]eventlog.Range{}, s.Missing...), append([]eventlog.Range{}, s.Doubtful...)}
}
