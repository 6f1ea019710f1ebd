package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog/query/dataset"
)

func newDatasetDiffCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "what changed between two versions",
		ArgsUsage: "FROM TO",
		Description: `Lists the records whose examples were added, are gone, or are on another side. With
the same share held out none is ever moved. No store is needed, unless a benchmark is
named by its id or as latest.

Examples:
  explog dataset diff --client hre v1 v2
  explog dataset diff --client hre v1 v2 --json`,
		Flags:  append(sourceFlags(" (required)"), &cli.BoolFlag{Name: "json", Usage: "print one JSON object"}),
		Action: func(ctx context.Context, cmd *cli.Command) error { return runDatasetDiff(ctx, c, cmd) },
	}
}

func runDatasetDiff(ctx context.Context, c *console, cmd *cli.Command) error {
	source, err := requiredSource(cmd)
	if err != nil {
		return err
	}
	from, err := parseVersion(cmd.Args().Get(0))
	if err != nil {
		return err
	}
	to, err := parseVersion(cmd.Args().Get(1))
	if err != nil {
		return err
	}
	if source, err = shelvedSource(ctx, c, cmd, source); err != nil {
		return err
	}
	d, err := dataset.NewShelf(cmd.String("out"), source).Diff(from, to)
	if errors.Is(err, dataset.ErrNoVersion) {
		return hinted(cmd, source, err)
	}
	if err != nil {
		return err
	}
	if cmd.Bool("json") {
		return printJSON(c.out, d)
	}
	for _, part := range []struct {
		what string
		list []dataset.Provenance
	}{{"added", d.Added}, {"gone", d.Gone}, {"moved", d.Moved}} {
		for _, p := range part.list {
			if err := c.printf("%-5s  %-5s  %s  %s\n", part.what, p.Fate, p.ID, scoreText(p.Score)); err != nil {
				return err
			}
		}
	}
	return c.printf("v%d to v%d: %d added, %d gone, %d moved, %d as they were\n",
		d.From, d.To, len(d.Added), len(d.Gone), len(d.Moved), d.Same)
}

// parseVersion reads the name of a version: v3, or 3.
func parseVersion(name string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
	if err != nil || n < 1 {
		return 0, usagef("%q is no version: want v1, v2, …", name)
	}
	return n, nil
}
