package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newBackupCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "backup",
		Usage:     "copy the log to a file, while it is in use",
		ArgsUsage: "FILE",
		Description: `Writes the log as it is now to FILE, reads it back and checks every page, checksum
and hash. An older backup of the same log is replaced; any other file is not.

To go back to it, put it as events.db into an empty folder: all else is made from
it.

Examples:
  explog backup backup.db
  mkdir restored && cp backup.db restored/events.db && explog --dir restored count`,
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return withLogger(c, cmd, func(l *explog.Logger) error {
				path := cmd.Args().First()
				head, err := l.Backup(ctx, path)
				if err != nil {
					return err
				}
				return c.linef("Backed up %s to %s (%s), checked", plural(int64(head.Seq), "event"), path, byteSize(head.FileSize))
			})
		},
	}
}
