package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog/query/dataset"
)

func newDatasetListCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "the versions that are there",
		Description: `One line a version: its format, how many examples it has on each side, its tokens,
and the events of the log that it is from. No store is needed, unless a benchmark is
named by its id or as latest.

Examples:
  explog dataset list
  explog dataset list --client hre --json`,
		Flags:  append(sourceFlags(""), &cli.BoolFlag{Name: "json", Usage: "print the manifests as JSONL"}),
		Action: func(ctx context.Context, cmd *cli.Command) error { return listDatasets(ctx, c, cmd) },
	}
}

func listDatasets(ctx context.Context, c *console, cmd *cli.Command) error {
	source, err := namedSource(ctx, c, cmd)
	if err != nil {
		return err
	}
	versions, err := versionsOf(cmd, source)
	if len(versions) == 0 && err == nil && source != (dataset.Source{}) {
		c.note("%v", noDataset(cmd, source))
		return nil
	}
	if err != nil && !errors.Is(err, dataset.ErrManifest) {
		return err
	}
	return errors.Join(printVersions(c, cmd, versions), err)
}

// noVersions is what is said where there are none.
const noVersions = "no versions: explog dataset build --client CLIENT makes one"

func printVersions(c *console, cmd *cli.Command, versions []dataset.Manifest) error {
	if len(versions) == 0 {
		c.note(noVersions)
		return nil
	}
	if cmd.Bool("json") {
		for _, m := range versions {
			if err := printJSON(c.out, m); err != nil {
				return err
			}
		}
		return nil
	}
	width := terminalWidth(c.out)
	if width == 0 {
		width = 120
	}
	t := newTable(c.out, width, c.bold, column{name: "DATASET", most: 40, keep: true}, column{name: "VERSION", most: 8, keep: true},
		column{name: "FORMAT", most: 12, keep: true}, column{name: "EXAMPLES", most: 9, keep: true, num: true},
		column{name: "HELD OUT", most: 9, keep: true, num: true}, column{name: "TOKENS", most: 12, keep: true, num: true}, column{name: "EVENTS", most: 24, keep: true})
	for _, m := range versions {
		err := t.row(m.Name(), fmt.Sprintf("v%d", m.Version), string(m.Parameters.Format), fmt.Sprint(m.Steps.Written),
			fmt.Sprint(m.Steps.HeldOut), fmt.Sprint(m.Tokens()), fmt.Sprintf("%d to %d", m.Log.After+1, m.Log.Through))
		if err != nil {
			return err
		}
	}
	return t.flush()
}

// namedSource returns the dataset that the flags name, or nothing.
func namedSource(ctx context.Context, c *console, cmd *cli.Command) (dataset.Source, error) {
	source, err := datasetSource(cmd)
	if err != nil {
		return source, err
	}
	return shelvedSource(ctx, c, cmd, source)
}

// versionsOf returns the versions of a source, or all of all, but for those whose
// manifests cannot be read: the error names them.
func versionsOf(cmd *cli.Command, source dataset.Source) ([]dataset.Manifest, error) {
	sources := []dataset.Source{source}
	if source == (dataset.Source{}) {
		var err error
		if sources, err = dataset.Sources(cmd.String("out")); err != nil {
			return nil, err
		}
	}
	var all []dataset.Manifest
	var faults []error
	for _, s := range sources {
		versions, err := dataset.NewShelf(cmd.String("out"), s).Versions()
		faults = append(faults, err)
		all = append(all, versions...)
	}
	return all, errors.Join(faults...)
}
