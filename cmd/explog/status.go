package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newStatusCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "head, checkpoint and lag, counts and sizes",
		Description: `Shows the store as it is, without bringing the view up to the log.

Examples:
  explog status
  explog status --json`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print one JSON object"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return withLogger(c, cmd, func(l *explog.Logger) error {
				info, err := l.Info(ctx)
				if err != nil {
					return err
				}
				if cmd.Bool("json") {
					return printJSON(c.out, info)
				}
				return printInfo(c, info)
			})
		},
	}
}

func printInfo(c *console, info explog.Info) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s "+format+"\n", append([]any{name}, args...)...)
	}
	line("store", "%s", printable(info.Dir))
	line("log", "%s, %s, hash %.16s", plural(int64(info.Head), "event"), byteSize(info.LogBytes), info.HeadHash)
	line("", "id %s", info.LogID)
	line("", "format %d, made %s", info.Format, info.Created.Format(time.RFC3339))
	if info.LogLinks > 1 {
		line("", "%s", linksNote(info.LogLinks))
	}
	if info.ViewFault != "" {
		line("view", "%s %s: the next command that reads builds it anew", info.View, info.ViewFault)
	} else {
		line("view", "checkpoint %d, lag %d, %s", info.Checkpoint, info.Lag, byteSize(info.ViewBytes))
		line("records", "%d", info.Records)
		line("rejects", "%s", rejectCounts(info))
		if info.Dead > 0 {
			line("dead", "%s that this version cannot read", plural(info.Dead, "event"))
		}
	}
	line("duplicates", "%d turned away", info.DuplicatesTurnedAway)
	if h := info.Hub; h != nil && h.ViewFault != "" {
		line("hub", "%s %s: the next command that reads builds it anew", h.View, h.ViewFault)
	} else if h != nil {
		line("hub", "%s, %s; checkpoint %d, lag %d, %s", plural(h.Experiments, "experiment"), plural(h.Results, "result"), h.Checkpoint, h.Lag, byteSize(h.ViewBytes))
		if h.Dead > 0 {
			line("", "%s that this version cannot read", plural(h.Dead, "event"))
		}
	}
	return c.printf("%s", b.String())
}

// linksNote says what several names of one log file mean.
func linksNote(n uint64) string {
	return fmt.Sprintf("events.db has %d names (hard links): saves reach all of them, compact gives this one a file of its own", n)
}

func rejectCounts(info explog.Info) string {
	var total int64
	var parts []string
	for reason, n := range info.Rejects {
		total += n
		parts = append(parts, fmt.Sprintf("%d %s", n, reason))
	}
	if total == 0 {
		return "0"
	}
	slices.Sort(parts)
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, ", "))
}
