package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
	"github.com/explog/explog/query"
)

func newRejectsCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "rejects",
		Usage: "what was refused, why, and the raw input back",
		Description: `Input that could not become a record is kept in the log, byte for byte, with the
reason. The same input met again is the same reject.

Examples:
  explog rejects list
  explog rejects export | jq -r .raw > mended.jsonl`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSONL, as export does"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Present() {
				return noCommand(ctx, cmd)
			}
			return listRejects(ctx, c, cmd)
		},
		Commands: []*cli.Command{
			{
				Name:   "list",
				Usage:  "list rejects (the default)",
				Action: func(ctx context.Context, cmd *cli.Command) error { return listRejects(ctx, c, cmd) },
			},
			{
				Name:        "export",
				Usage:       "write rejects as JSONL, with the raw input",
				Description: "Each line has line, offset, reason, source and raw, or raw_base64 where the\ninput is not UTF-8, and what is wrong in detail.",
				Flags:       []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "the `FILE` to write; - is standard output"}},
				Action: func(ctx context.Context, cmd *cli.Command) error {
					return output(c, cmd.String("output"), func(w io.Writer) error {
						return eachReject(ctx, c, cmd, func(rej query.Reject) error { return printJSON(w, newRejectJSON(rej)) })
					})
				},
			},
		},
	}
}

func listRejects(ctx context.Context, c *console, cmd *cli.Command) error {
	width := terminalWidth(c.out)
	if width == 0 || cmd.Bool("json") {
		return eachReject(ctx, c, cmd, func(rej query.Reject) error { return printReject(c, cmd.Bool("json"), rej) })
	}
	t := newTable(c.out, width, c.bold, column{name: "WHERE", most: 32}, column{name: "BYTE", most: 12, keep: true, num: true},
		column{name: "REASON", most: 14, keep: true}, column{name: "WHAT IS WRONG"})
	err := eachReject(ctx, c, cmd, func(rej query.Reject) error {
		return t.row(fmt.Sprintf("%s:%d", sourceName(rej.Source), rej.Line), fmt.Sprint(rej.Offset), string(rej.Reason()), faultList(rej.Faults))
	})
	return errors.Join(err, t.flush())
}

// printReject prints a reject where there is no terminal.
func printReject(c *console, asJSON bool, rej query.Reject) error {
	if asJSON {
		return printJSON(c.out, newRejectJSON(rej))
	}
	return c.linef("%s:%d (byte %d)  %s  %s", sourceName(rej.Source), rej.Line, rej.Offset, rej.Reason(), faultList(rej.Faults))
}

func eachReject(ctx context.Context, c *console, cmd *cli.Command, visit func(query.Reject) error) error {
	return withLogger(c, cmd, func(l *explog.Logger) error {
		n := 0
		for rej, err := range l.Rejects(ctx) {
			if err != nil {
				return err
			}
			if err := visit(rej); err != nil {
				return err
			}
			n++
		}
		if n == 0 {
			c.note("no rejects")
		}
		return nil
	})
}

// rejectJSON is a reject as it is exported.
type rejectJSON struct {
	Line      int64         `json:"line"`
	Offset    int64         `json:"offset"`
	Reason    event.Reason  `json:"reason"`
	Faults    []event.Fault `json:"faults"`
	Source    string        `json:"source"`
	Record    string        `json:"record,omitempty"` // the record that it is in conflict with
	Length    int64         `json:"length,omitempty"` // of the whole input where raw is its beginning
	SHA256    string        `json:"sha256,omitempty"`
	Raw       *string       `json:"raw,omitempty"`
	RawBase64 []byte        `json:"raw_base64,omitempty"`
}

func newRejectJSON(r query.Reject) rejectJSON {
	j := rejectJSON{
		Line: r.Line, Offset: r.Offset, Reason: r.Reason(), Faults: r.Faults, Source: r.Source,
		Record: r.Record, Length: r.Length, SHA256: r.SHA256,
	}
	if utf8.Valid(r.Raw) {
		text := string(r.Raw)
		j.Raw = &text
	} else {
		j.RawBase64 = r.Raw
	}
	return j
}

func faultList(faults []event.Fault) string {
	parts := make([]string, len(faults))
	for i, f := range faults {
		parts[i] = printable(f.String())
	}
	return strings.Join(parts, "; ")
}
