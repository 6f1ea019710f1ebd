package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/eventlog"
)

func newVerifyCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "check the log and the view in full",
		Description: `Checks every page, block, checksum and link of the log's hash chain, the index
against the events, whether each event can be decoded, and whether each view, also
that of benchmarks, equals what the log folds to. Exit code 4 means damage.

With --repair-view, a view that is wrong is built anew, if the log is whole.
With --accept, a log that was put back from a copy, and is therefore older than
the store remembers, is checked and then taken as it is.

Examples:
  explog verify
  explog verify --json`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "repair-view", Usage: "build the view anew if it alone is wrong"},
			&cli.BoolFlag{Name: "accept", Usage: "take a log that was put back from a copy"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return withLogger(c, cmd, func(l *explog.Logger) error { return runVerify(ctx, c, l, cmd) })
		},
	}
}

func runVerify(ctx context.Context, c *console, l *explog.Logger, cmd *cli.Command) error {
	if cmd.Bool("accept") {
		if err := l.Accept(ctx); err != nil {
			return err
		}
	}
	verify := func(ctx context.Context) (explog.VerifyReport, bool, error) {
		r, err := l.Verify(ctx)
		return r, false, err
	}
	if cmd.Bool("repair-view") {
		verify = l.RepairView
	}
	r, repaired, err := verify(ctx)
	if err != nil {
		return err
	}
	if r.Log.Links > 1 {
		c.note("%s", linksNote(r.Log.Links))
	}
	if cmd.Bool("json") {
		err = printJSON(c.out, newVerifyJSON(r, repaired))
	} else {
		err = printVerify(c, r, repaired)
	}
	if err == nil && !r.Clean() && !repaired {
		err = &codeError{code: exitDamage}
	}
	return err
}

func printVerify(c *console, r explog.VerifyReport, repaired bool) error {
	for _, f := range r.Log.Faults {
		if err := c.linef("log: %s", f); err != nil {
			return err
		}
	}
	if len(r.Log.Faults) > 0 {
		return c.printf("What can be done: put events.db back from a backup (explog backup makes one), " +
			"or save what can be read: explog salvage --to FOLDER\n")
	}
	for _, what := range r.View {
		if err := c.linef("view: %s", what); err != nil {
			return err
		}
	}
	for _, what := range r.Hub {
		if err := c.linef("hub view: %s", what); err != nil {
			return err
		}
	}
	switch {
	case repaired:
		return c.linef("The view is built anew: it equals the log now")
	case !r.Clean():
		return c.linef("What can be done: the log is whole; explog verify --repair-view builds the view anew from it")
	}
	view := "the view equals it"
	if r.ViewState != "" {
		view = "the view " + r.ViewState + ", which is no damage"
	}
	if r.HubState == "" {
		view += "; the hub view equals it"
	}
	return c.linef("The log is whole (%s in %s, hash %x), %s",
		plural(int64(r.Log.Seq), "event"), plural(int64(r.Log.Blocks), "block"), r.Log.Hash[:8], view)
}

type verifyJSON struct {
	OK        bool             `json:"ok"`
	Events    uint64           `json:"events"`
	Blocks    int              `json:"blocks"`
	LogFaults []eventlog.Fault `json:"log_faults"`
	View      []string         `json:"view_faults"`
	ViewState string           `json:"view_state,omitempty"`
	Hub       []string         `json:"hub_faults,omitempty"`
	Repaired  bool             `json:"view_repaired,omitempty"`
}

func newVerifyJSON(r explog.VerifyReport, repaired bool) verifyJSON {
	return verifyJSON{
		OK: r.Clean() || repaired, Events: r.Log.Seq, Blocks: r.Log.Blocks,
		LogFaults: append([]eventlog.Fault{}, r.Log.Faults...), View: append([]string{}, r.View...), ViewState: r.ViewState,
		Hub: r.Hub, Repaired: repaired,
	}
}
