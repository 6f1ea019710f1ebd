package main

import "github.com/urfave/cli/v3"

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
