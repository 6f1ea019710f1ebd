package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/query/dataset"
)

func newDatasetVerifyCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "make versions again from the log, and compare",
		ArgsUsage: "[VERSION…]",
		Description: `Makes the versions again, from the log up to the event that their manifests name,
and compares the files byte for byte; without a VERSION all of the client, without
--client or --from all that are there. Exit code 4 means that a file is not what it was.

Examples:
  explog dataset verify
  explog dataset verify --client hre v1`,
		Flags:  append(sourceFlags(""), &cli.BoolFlag{Name: "json", Usage: "print JSONL"}),
		Action: func(ctx context.Context, cmd *cli.Command) error { return runDatasetVerify(ctx, c, cmd) },
	}
}

func runDatasetVerify(ctx context.Context, c *console, cmd *cli.Command) error {
	source, err := namedSource(ctx, c, cmd)
	if err != nil {
		return err
	}
	versions, unread := chosenVersions(cmd, source)
	if unread != nil && !errors.Is(unread, dataset.ErrManifest) {
		return unread
	}
	if len(versions) == 0 && unread == nil {
		if source != (dataset.Source{}) {
			return noDataset(cmd, source)
		}
		c.note(noVersions)
		return nil
	}
	spareMemory()
	damaged := unread != nil
	err = withLogger(c, cmd, func(l *explog.Logger) error {
		for _, m := range versions {
			faults, err := l.VerifyDataset(ctx, cmd.String("out"), m)
			if err != nil {
				return err
			}
			damaged = damaged || len(faults) > 0
			if err := printVerified(c, cmd, m, faults); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && damaged {
		err = &codeError{exitDamage, unread}
	}
	return err
}

// chosenVersions returns the versions that the arguments name.
func chosenVersions(cmd *cli.Command, source dataset.Source) ([]dataset.Manifest, error) {
	names := cmd.Args().Slice()
	if len(names) == 0 {
		return versionsOf(cmd, source)
	}
	if _, err := requiredSource(cmd); err != nil {
		return nil, err
	}
	var versions []dataset.Manifest
	for _, name := range names {
		n, err := parseVersion(name)
		if err != nil {
			return nil, err
		}
		m, err := dataset.NewShelf(cmd.String("out"), source).Manifest(n)
		if errors.Is(err, dataset.ErrNoVersion) {
			return nil, hinted(cmd, source, err)
		}
		if err != nil {
			return nil, err
		}
		versions = append(versions, m)
	}
	return versions, nil
}

type verifiedJSON struct {
	Dataset string   `json:"dataset"`
	Version int      `json:"version"`
	OK      bool     `json:"ok"`
	Faults  []string `json:"faults"`
}

func printVerified(c *console, cmd *cli.Command, m dataset.Manifest, faults []string) error {
	if cmd.Bool("json") {
		return printJSON(c.out, verifiedJSON{m.Name(), m.Version, len(faults) == 0, append([]string{}, faults...)})
	}
	name := fmt.Sprintf("%s v%d", printable(m.Name()), m.Version)
	if len(faults) == 0 {
		return c.linef("%s: the log gives the same bytes", name)
	}
	for _, f := range faults {
		if err := c.linef("%s: %s", name, f); err != nil {
			return err
		}
	}
	if v := version(); m.Explog != v {
		c.note("%s was made by explog %s, this is %s", name, m.Explog, v)
	}
	return nil
}
