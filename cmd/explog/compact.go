package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newCompactCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "compact",
		Usage: "make the log smaller",
		Description: `Packs the blocks of single saves into full ones and drops unused space. Records,
their order and the hash chain stay as they are. Others may save and read
meanwhile; if it is interrupted, the log is as before. While it works, the disk
holds the log twice.

Examples:
  explog compact`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print one JSON object"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return withLogger(c, cmd, func(l *explog.Logger) error {
				r, err := l.Compact(ctx)
				if err != nil {
					return err
				}
				if cmd.Bool("json") {
					return printJSON(c.out, compactedJSON{r.Events, r.Blocks, r.Before, r.After})
				}
				return c.linef("Compacted the log: %s in %s, from %s to %s",
					plural(int64(r.Events), "event"), plural(int64(r.Blocks), "block"), byteSize(r.Before), byteSize(r.After))
			})
		},
	}
}

type compactedJSON struct {
	Events uint64 `json:"events"`
	Blocks int    `json:"blocks"`
	Before int64  `json:"bytes_before"`
	After  int64  `json:"bytes_after"`
}
