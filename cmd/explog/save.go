package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newSaveCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "save",
		Usage: "save one record and print its id",
		Description: `Reads one JSON object, from --file or standard input. When the command ends, the
record is on disk. A record without an id gets a random one. Saving the same
record again adds nothing.

Examples:
  explog save --file record.json
  echo '{"client_id":"hre","run_id":"r1","problem":"p","solution":"s","score":0.9}' | explog save`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Value: "-", Usage: "the `FILE` to read; - is standard input"},
			&cli.StringFlag{Name: "client", Usage: "the `CLIENT`, where the record names none"},
			&cli.StringFlag{Name: "run", Usage: "the `RUN`, where the record names none"},
			maxRecordFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error { return runSave(ctx, c, cmd) },
	}
}

func runSave(ctx context.Context, c *console, cmd *cli.Command) error {
	source := cmd.String("file")
	raw, err := readRecord(ctx, c, source)
	if err != nil {
		return err
	}
	return withLogger(c, cmd, func(l *explog.Logger) error {
		res, err := l.SaveJSON(ctx, raw, cmd.String("client"), cmd.String("run"))
		return reportSaved(ctx, c, l, source, res, err)
	})
}

// readRecord reads the input of save, which is small.
func readRecord(ctx context.Context, c *console, source string) ([]byte, error) {
	in, err := openInput(ctx, c, explog.ImportOptions{Source: source})
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(in, explog.MaxMaxRecord+1))
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", sourceName(source), err)
	}
	raw = bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF"))
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, fmt.Errorf("%s is empty: want one JSON object", sourceName(source))
	}
	if len(raw) > explog.MaxMaxRecord {
		return nil, fmt.Errorf("%s has more than %d bytes: too large for one record", sourceName(source), explog.MaxMaxRecord)
	}
	return raw, nil
}

// reportSaved says what became of the record.
func reportSaved(ctx context.Context, c *console, l *explog.Logger, source string, res explog.Result, err error) error {
	if res.Clamped != nil && err == nil {
		c.warn("%s", clampText(sourceName(source), res))
	}
	var invalid *explog.InvalidError
	switch {
	case errors.As(err, &invalid):
		c.warn("%s: rejected: %s; kept, see: explog rejects list", sourceName(source), faultText(res))
		return &codeError{code: exitPartial}
	case errors.Is(err, explog.ErrConflict):
		c.warn("%s: conflict: %s; kept, see: explog rejects list", sourceName(source), conflictText(res))
		return &codeError{code: exitPartial}
	case err != nil:
		return err
	}
	if res.Status == explog.Duplicate {
		c.note("duplicate: %s is saved already%s", res.ID, notedText(res))
	} else if err := l.CatchUp(ctx); err != nil {
		c.note("the record is saved; the view will follow: %v", err)
	}
	return c.printf("%s\n", res.ID)
}

func notedText(r explog.Result) string {
	if len(r.Noted) == 0 {
		return ""
	}
	return fmt.Sprintf(" (what is saved differs in %s)", joinAnd(r.Noted))
}
