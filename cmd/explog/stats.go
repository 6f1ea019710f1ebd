package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/query"
)

func newStatsCommand(c *console) *cli.Command {
	flags := slices.DeleteFunc(filterFlags(), func(f cli.Flag) bool {
		return slices.Contains([]string{"limit", "order"}, f.Names()[0])
	})
	return &cli.Command{
		Name:  "stats",
		Usage: "scores at a glance: distribution, runs, sources, best and latest",
		Description: `Examples:
  explog stats --client hre
  explog stats --since 30d --json`,
		Flags: append(flags, &cli.BoolFlag{Name: "json", Usage: "print one JSON object"}),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			f, err := filterOf(cmd)
			if err != nil {
				return err
			}
			var s query.Stats
			err = withLogger(c, cmd, func(l *explog.Logger) error {
				s, err = l.Stats(ctx, f)
				return err
			})
			switch {
			case err != nil:
				return err
			case cmd.Bool("json"):
				return printJSON(c.out, s)
			case s.Count == 0:
				c.note("no records match")
				return nil
			}
			return printStats(c, s)
		},
	}
}

func printStats(c *console, s query.Stats) error {
	width := terminalWidth(c.out)
	if width == 0 {
		width = 80
	}
	q := s.Quantiles
	var b strings.Builder
	fmt.Fprintf(&b, "%s, mean score %s\n", plural(s.Count, "record"), scoreText(*s.Mean))
	fmt.Fprintf(&b, "min %s  p25 %s  median %s  p75 %s  p90 %s  max %s\n\n",
		scoreText(q.Min), scoreText(q.P25), scoreText(q.Median), scoreText(q.P75), scoreText(q.P90), scoreText(q.Max))
	fmt.Fprintln(&b, c.bold("SCORES"))
	writeHistogram(&b, s, width)
	if err := c.printf("%s", b.String()); err != nil {
		return err
	}
	for _, groups := range []struct {
		name string
		list []query.Group
	}{{"RUN", s.Runs}, {"SOURCE", s.Sources}} {
		if err := printGroups(c, width, groups.name, groups.list); err != nil {
			return err
		}
	}
	return c.printf("\n%s\n%s%s", c.bold("BEST AND LATEST"), recordLine("best", s.Best, width), recordLine("latest", s.Latest, width))
}

// writeHistogram draws a bar a bin; a bin that is not empty has a bar of at least
// one cell.
func writeHistogram(b *strings.Builder, s query.Stats, width int) {
	most := slices.Max(s.Histogram[:])
	digits := len(fmt.Sprint(most))
	room := max(min(width-len("0.0–0.1    ")-digits, 50), 10)
	for i, n := range s.Histogram {
		bar := int(math.Ceil(float64(n) / float64(most) * float64(room)))
		line := fmt.Sprintf("%.1f–%.1f  %*d  %s", float64(i)/10, float64(i+1)/10, digits, n, strings.Repeat("█", bar))
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}

// shownGroups is how many runs or sources are listed on a screen.
const shownGroups = 10

func printGroups(c *console, width int, name string, groups []query.Group) error {
	if len(groups) == 0 {
		return nil
	}
	if err := c.printf("\n"); err != nil {
		return err
	}
	t := newTable(c.out, width, c.bold, column{name: name, most: max(20, width-34)}, column{name: "RECORDS", most: 10, keep: true, num: true},
		column{name: "MEAN", most: 7, keep: true, num: true}, column{name: "BEST", most: 7, keep: true, num: true})
	for _, g := range groups[:min(len(groups), shownGroups)] {
		if err := t.row(g.Name, fmt.Sprint(g.Count), scoreText(g.Mean), scoreText(g.Best)); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if more := len(groups) - shownGroups; more > 0 {
		return c.printf("and %d more (--json has all)\n", more)
	}
	return nil
}

func recordLine(name string, r *explog.Record, width int) string {
	line := fmt.Sprintf("%-6s  %s  %s  %s  %s", name, r.ID[:8], scoreText(r.Score), shortTime(r.Timestamp), oneLine(r.Problem))
	return truncate(line, width) + "\n"
}
