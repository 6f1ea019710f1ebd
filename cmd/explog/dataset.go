package main

import (
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v3"

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

// requiredSource is datasetSource for commands that cannot do without.
func requiredSource(cmd *cli.Command) (dataset.Source, error) {
	s, err := datasetSource(cmd)
	if err == nil && s == (dataset.Source{}) {
		err = usagef("%s wants --client, or --from hub:NAME; see %s --help", cmd.FullName(), cmd.FullName())
	}
	return s, err
}
