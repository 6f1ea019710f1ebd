package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/query/dataset"
)

func newDatasetCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:   "dataset",
		Usage:  "training files for fine-tunes",
		Action: noCommand,
		Commands: []*cli.Command{
			newDatasetBuildCommand(c),
			newDatasetVerifyCommand(c),
			newDatasetListCommand(c),
			newDatasetDiffCommand(c),
			newDatasetCheckCommand(c),
		},
	}
}

// spareMemory has the garbage collector run more often than main has it: a dataset is
// held in memory, which may be hundreds of MB, where an import has 30.
func spareMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// sourceFlags name what a dataset is made from, which must be named where that is said.
func sourceFlags(required string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "client", Usage: "the records of this `CLIENT`" + required},
		&cli.StringFlag{Name: "from", Usage: "in place of --client, `hub:NAME`: the answers of a benchmark"},
		&cli.StringFlag{Name: "out", Value: "datasets", Usage: "the `FOLDER` of all datasets, with a folder for each client"},
	}
}

// datasetSource returns what the flags name, or nothing.
func datasetSource(cmd *cli.Command) (dataset.Source, error) {
	s := dataset.Source{Client: cmd.String("client")}
	from := cmd.String("from")
	if from == "" {
		return s, nil
	}
	name, ok := strings.CutPrefix(from, "hub:")
	if !ok || name == "" {
		return s, usagef("--from: want hub:NAME, got %q", from)
	}
	if s.Client != "" {
		return s, usagef("--client and --from exclude each other")
	}
	return dataset.Source{Experiment: name}, nil
}

// shelvedSource returns a source as the folder of all datasets has it: what names a
// benchmark by its id, or as the latest, is looked up in the store.
func shelvedSource(ctx context.Context, c *console, cmd *cli.Command, s dataset.Source) (dataset.Source, error) {
	if err := s.Check(); err != nil || !s.OfHub() {
		return s, err
	}
	if s.Experiment != "latest" {
		names, err := dataset.Sources(cmd.String("out"))
		if err != nil || slices.Contains(names, s) {
			return s, err
		}
	}
	err := withLogger(c, cmd, func(l *explog.Logger) (err error) {
		h, err := l.Hub(ctx)
		if err != nil {
			return err
		}
		e, err := h.Experiment(ctx, s.Experiment)
		if err == nil {
			s.Experiment = e.Name
		}
		return errors.Join(err, h.Close())
	})
	notThere := errors.Is(err, explog.ErrNoExperiment) || errors.Is(err, explog.ErrNoStore)
	if notThere && s.Experiment != "latest" {
		return s, nil // its dataset may be gone, and so is what it was made from
	}
	return s, err
}

// noDataset returns the error for a source without versions: most likely the name is
// mistyped.
func noDataset(cmd *cli.Command, s dataset.Source) error {
	sources, err := dataset.Sources(cmd.String("out"))
	if err != nil {
		return err
	}
	var names []string
	for _, other := range sources {
		names = append(names, other.Name())
	}
	return fmt.Errorf("%s has no dataset of %q; %s", cmd.String("out"), s.Name(), thereAre(s.Name(), names))
}

// hinted returns the error for a version that is not there: another one where there is
// none of the source.
func hinted(cmd *cli.Command, s dataset.Source, err error) error {
	if next, nextErr := dataset.NewShelf(cmd.String("out"), s).Next(); nextErr == nil && next == 1 {
		return noDataset(cmd, s)
	}
	return err
}

// requiredSource is datasetSource for commands that cannot do without.
func requiredSource(cmd *cli.Command) (dataset.Source, error) {
	s, err := datasetSource(cmd)
	if err == nil && s == (dataset.Source{}) {
		err = usagef("%s wants --client, or --from hub:NAME; see %s --help", cmd.FullName(), cmd.FullName())
	}
	return s, err
}
