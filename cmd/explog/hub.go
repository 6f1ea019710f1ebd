package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
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
  explog hub run config/experiments.yml`,
		Action: noCommand,
		Commands: []*cli.Command{
			newHubRunCommand(c),
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
