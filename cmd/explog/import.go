package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newImportCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "save the records of a file",
		Description: `Reads a JSON array, one JSON object or JSONL, plain or packed with gzip or zstd,
and saves each record. What was imported before is a duplicate and adds nothing.
Bad records are kept as rejects (see explog rejects) and do not stop the others; a
bad first line costs one reject, not the file. Files of other formats (zip, SQLite,
Parquet, CSV and so on) are named, and nothing is written. From a pipe, records are
saved when nothing more comes for 50 ms.

Records without an id get one from their content; a missing run_id becomes
import- and the file's name, a missing timestamp the present time, a missing
account_snapshot {} and missing sources_used [].

A score is clamped to 0..1. --scale A..B maps scores from A..B to 0..1 first, exactly
as if the file had the mapped scores: the log, and ids that derive from content, have
these. --scale 100..0 is for scores of which the lower are better.

Examples:
  explog import --file experiments.json --client hre
  explog import --file run.jsonl.gz --dry-run
  explog import --file run.jsonl --client hre --scale 0..100
  tail -n 100 run.jsonl | explog import --file - --client hre`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Usage: "the `FILE` to read (required); - is standard input"},
			&cli.StringFlag{Name: "client", Usage: "the `CLIENT` of records that name none; others are rejected"},
			&cli.BoolFlag{Name: "override-client", Usage: "take records of other clients as --client's"},
			&cli.StringFlag{Name: "scale", Usage: "map scores from the range `A..B` to 0..1, such as 0..100"},
			&cli.BoolFlag{Name: "strict", Usage: "fill in nothing, and write nothing if any record is bad or in conflict"},
			&cli.BoolFlag{Name: "dry-run", Usage: "write nothing, say what would become of the records"},
			maxRecordFlag(),
			&cli.BoolFlag{Name: "verbose", Usage: "say when each batch is saved"},
			&cli.BoolFlag{Name: "json", Usage: "print the counts as JSON"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error { return runImport(ctx, c, cmd) },
	}
}

func runImport(ctx context.Context, c *console, cmd *cli.Command) error {
	o := explog.ImportOptions{
		Source: cmd.String("file"), Client: cmd.String("client"), OverrideClient: cmd.Bool("override-client"),
		Strict: cmd.Bool("strict"), DryRun: cmd.Bool("dry-run"), View: true,
	}
	if o.Source == "" {
		return usagef("explog import wants --file; see explog import --help")
	}
	if o.OverrideClient && o.Client == "" {
		return usagef("--override-client wants --client")
	}
	if cmd.IsSet("scale") {
		var err error
		if o.Scale, err = explog.ParseScale(cmd.String("scale")); err != nil {
			return usagef("--scale: %v", err)
		}
	}
	voice := newImportVoice(c, o, cmd.Bool("verbose"))
	o.OnResult, o.OnBatch = voice.result, voice.batch
	var report explog.ImportReport
	err := withLogger(c, cmd, func(l *explog.Logger) (err error) {
		report, err = importFile(ctx, c, l, o, voice.far)
		return err
	})
	voice.end(report, err)
	if err != nil {
		return importError(o.Source, err)
	}
	if err := printImported(c, cmd, o, report); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	if !report.Clean() {
		return &codeError{code: exitPartial}
	}
	return nil
}

// importFile imports and brings the view up to what was saved, for those who read
// it with other tools; that can wait, so it is no failure.
func importFile(ctx context.Context, c *console, l *explog.Logger, o explog.ImportOptions, far *progress) (explog.ImportReport, error) {
	in, err := openImport(ctx, c, o)
	if err != nil {
		return explog.ImportReport{}, err
	}
	in = far.input(in)
	report, err := l.Import(ctx, in, o)
	err = errors.Join(err, in.Close())
	if report.New+report.Rejected+report.Conflicting > 0 && !o.DryRun && !errors.Is(err, explog.ErrStrict) && ctx.Err() == nil {
		far.say("bringing the view up to the log")
		if viewErr := l.CatchUp(ctx); viewErr != nil {
			far.clear()
			c.note("the records are saved; the view will follow: %v", viewErr)
		}
	}
	far.clear()
	return report, err
}

// openImport opens the input of an import, which deals with a slow standard input
// itself, unless it is to be read twice.
func openImport(ctx context.Context, c *console, o explog.ImportOptions) (io.ReadCloser, error) {
	if f, ok := c.in.(*os.File); ok && o.Source == "-" && !o.Strict {
		return f, nil
	}
	return openInput(ctx, c, o)
}

func printImported(c *console, cmd *cli.Command, o explog.ImportOptions, r explog.ImportReport) error {
	if cmd.Bool("json") {
		return printJSON(c.out, r)
	}
	verb, whose := "Imported", ""
	if o.DryRun {
		verb = "Would import"
	}
	if o.Client != "" {
		whose = fmt.Sprintf(" for client %q", o.Client)
	}
	return c.linef("%s %d records%s: %d new, %d duplicate, %d conflicting, %d rejected",
		verb, r.Read, whose, r.New, r.Duplicate, r.Conflicting, r.Rejected)
}

func importError(source string, err error) error {
	var unsupported *explog.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return unsupportedError(source, unsupported)
	case errors.Is(err, explog.ErrEmptyInput):
		return fmt.Errorf("%s is empty: want a JSON array, one JSON object, or JSONL", source)
	case errors.Is(err, explog.ErrStrict):
		return errors.New("nothing was imported, because of the records above (--strict)")
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; importing the same file again goes on where this stopped")
	}
	return fmt.Errorf("import %s: %w", source, err)
}

// unsupportedError names a file's format and what makes its records importable.
func unsupportedError(source string, e *explog.UnsupportedError) error {
	is, convert := e.Format, e.Convert
	if source == "-" {
		source = "standard input"
	} else {
		convert = strings.ReplaceAll(convert, "FOLDER", shellWord(filepath.Dir(source)))
	}
	if e.Packing != "" {
		is += " inside " + e.Packing
	}
	if e.Packing != "" && convert != "" {
		convert = fmt.Sprintf("unpack it first (%s -d), then: %s", e.Packing, convert)
	} else if source != "standard input" {
		convert = strings.ReplaceAll(convert, "FILE", shellWord(source))
	}
	if convert != "" {
		convert = "; to import its records: " + convert
	}
	return fmt.Errorf("%s is %s, not JSON or JSONL; nothing was written%s", source, is, convert)
}

// shellWord quotes a name for a shell where it needs that.
func shellWord(name string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+", r) || r > unicode.MaxASCII
	}
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// openInput opens the file, or standard input. A strict import reads twice, so
// standard input is spooled for it.
func openInput(ctx context.Context, c *console, o explog.ImportOptions) (io.ReadCloser, error) {
	if o.Source != "-" {
		f, err := os.Open(o.Source)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			f.Close()
			return nil, fmt.Errorf("%s is a folder; want a file", o.Source)
		}
		return f, nil
	}
	in := c.interruptible(ctx)
	if !o.Strict {
		return io.NopCloser(in), nil
	}
	spool, err := os.CreateTemp("", "explog-stdin-*")
	if err != nil {
		return nil, err
	}
	os.Remove(spool.Name()) // it lives as long as it is open
	if _, err := io.Copy(spool, in); err != nil {
		spool.Close()
		return nil, fmt.Errorf("spool standard input: %w", err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		spool.Close()
		return nil, err
	}
	return spool, nil
}
