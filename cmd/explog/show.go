package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newShowCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show one record with all that the log knows of it",
		ArgsUsage: "ID",
		Description: `ID is the record's id, or its first characters (at least 4) where no other record's
id begins with them. Prints the record, where it stands in the log and since
when, the score as it was given, which fields a default filled, fields that the
schema does not know, and what was refused because it had the same id with other
content.

Examples:
  explog show 7d9f3c1e
  explog show 7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90 --json`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print one JSON object"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return withLogger(c, cmd, func(l *explog.Logger) error {
				e, err := l.Find(ctx, cmd.Args().First())
				if err != nil {
					return err
				}
				if cmd.Bool("json") {
					return printJSON(c.out, entryJSON(e))
				}
				return printEntry(c, e)
			})
		},
	}
}

// shownEntry is an entry as JSON.
type shownEntry struct {
	Record     json.RawMessage `json:"record"`
	ScoreGiven json.RawMessage `json:"score_given"`
	Filled     []string        `json:"filled_by_default"`
	Extra      json.RawMessage `json:"unknown_fields,omitempty"`
	Seq        uint64          `json:"seq"`
	RecordedAt time.Time       `json:"recorded_at"`
	Hash       string          `json:"hash"`
	Conflicts  []rejectJSON    `json:"conflicts"`
}

func entryJSON(e explog.Entry) shownEntry {
	row := e.Row()
	given, _ := e.ScoreGiven()
	s := shownEntry{
		Record: row.AppendJSON(nil, false), ScoreGiven: json.RawMessage(given), Filled: append([]string{}, e.Filled()...),
		Extra: json.RawMessage(row.Extra), Seq: e.Seq, RecordedAt: e.RecordedAt, Hash: fmt.Sprintf("%x", e.Hash),
		Conflicts: []rejectJSON{},
	}
	for _, rej := range e.Conflicts {
		s.Conflicts = append(s.Conflicts, newRejectJSON(rej))
	}
	return s
}

func printEntry(c *console, e explog.Entry) error {
	row := e.Row()
	score := row.Score
	if given, clamped := e.ScoreGiven(); clamped {
		score += " (given: " + given + ")"
	}
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%-17s %s\n", name, value) }
	line("id", row.ID)
	line("client_id", printable(row.ClientID))
	line("run_id", printable(row.RunID))
	line("score", score)
	line("timestamp", row.Timestamp)
	line("sources_used", printable(row.SourcesUsed))
	line("account_snapshot", printable(row.AccountSnapshot))
	if row.Extra != "" {
		line("unknown fields", printable(row.Extra))
	}
	line("log", fmt.Sprintf("event %d, recorded %s, hash %x", e.Seq, e.RecordedAt.Format(time.RFC3339Nano), e.Hash[:8]))
	if filled := e.Filled(); filled != nil {
		line("filled by default", strings.Join(filled, ", "))
	}
	for _, rej := range e.Conflicts {
		line("conflict", fmt.Sprintf("event %d, from %s line %d", rej.Seq, sourceName(rej.Source), rej.Line))
	}
	fmt.Fprintf(&b, "\nproblem\n%s\n\nsolution\n%s\n", indent(row.Problem), indent(row.Solution))
	return c.printf("%s", b.String())
}

func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight("  "+printable(l), " ")
	}
	return strings.Join(lines, "\n")
}
