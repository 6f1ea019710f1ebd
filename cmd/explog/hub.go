package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/hub/report"
	"github.com/explog/explog/query"
)

func newHubCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "hub",
		Usage: "benchmarks of language models over labelled narratives",
		Description: `Asks models, with prompts, to set a yes/no flag on each of some hundreds of texts,
keeps every answer in the log, and compares with the flags that were set by hand.
What runs is written in a configuration, see config/experiments.yml.

Examples:
  explog hub run config/experiments.yml
  explog hub show latest
  explog hub summarize --format html -o report.html`,
		Action: noCommand,
		Commands: []*cli.Command{
			newHubRunCommand(c),
			newHubListCommand(c),
			newHubShowCommand(c),
			newHubCompareCommand(c),
			newHubSummarizeCommand(c),
			newHubExportCommand(c),
			newHubNarrativeCommand(c),
			newHubRelabelCommand(c),
			newHubConvertCommand(c),
		},
	}
}

// readHub runs fn on the view of benchmarks. It is not called where there are none.
func readHub(ctx context.Context, l *explog.Logger, fn func(*query.Hub) error) error {
	hub, err := l.Hub(ctx)
	if errors.Is(err, explog.ErrNoStore) || errors.Is(err, explog.ErrNoExperiment) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(fn(hub), hub.Close())
}

// readingHub runs fn on the view of benchmarks of the store that the flags name. It does not
// wait for a hub run that is busy: see [explog.Logger.ReadHub]. fn prints nothing.
func readingHub(ctx context.Context, c *console, cmd *cli.Command, fn func(*query.Hub) error) error {
	return withLogger(c, cmd, func(l *explog.Logger) error { return l.ReadHub(ctx, fn) })
}

// withHub runs fn on the store that the flags name, and on its view of benchmarks.
func withHub(ctx context.Context, c *console, cmd *cli.Command, fn func(*explog.Logger, *query.Hub) error) error {
	return withLogger(c, cmd, func(l *explog.Logger) error {
		hub, err := l.Hub(ctx)
		if err != nil {
			return err
		}
		return errors.Join(fn(l, hub), hub.Close())
	})
}

// summaries returns all experiments, in the order of their ids. None is worth a note.
func summaries(ctx context.Context, c *console, cmd *cli.Command) ([]report.Summary, error) {
	var list []report.Summary
	err := readingHub(ctx, c, cmd, func(h *query.Hub) error {
		list = nil
		for e, err := range h.Experiments(ctx) {
			if err != nil {
				return err
			}
			list = append(list, report.Summarize(e))
		}
		return nil
	})
	return list, noteNone(c, err)
}

// noteNone takes the error of a command that wants all experiments there are: that
// there are none is no error to it, but a note.
func noteNone(c *console, err error) error {
	if errors.Is(err, explog.ErrNoExperiment) {
		c.note("no experiments: explog hub run makes some")
		return nil
	}
	return err
}

// jsonFlag is the flag of the commands that print a table or text for people.
func jsonFlag(usage string) cli.Flag { return &cli.BoolFlag{Name: "json", Usage: usage} }

// tableWidth returns the cells that a table may take: those of a terminal, and
// elsewhere so many that nothing is cut.
func tableWidth(w any) int {
	if width := terminalWidth(w); width > 0 {
		return width
	}
	return 1 << 12
}

// flagText prints a yes/no flag.
func flagText(flag *bool) string {
	switch {
	case flag == nil:
		return "none"
	case *flag:
		return "TRUE"
	}
	return "FALSE"
}
