package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/internal/tempfiles"
	"github.com/explog/explog/query/tabular"
)

func newExportCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write records as JSONL, CSV or Parquet",
		Description: `JSONL is one record a line, with exactly its nine fields; with --all-fields also
those that the schema does not know. Importing it gives the same records back.

CSV and Parquet are tables for other tools, with the nine fields as columns and
nested values as JSON text; --all-fields adds a column extra. In Parquet score is a
DOUBLE and timestamp a TIMESTAMP in UTC, with timestamp_text beside it as given.
In CSV all is as given. Texts that a spreadsheet would take for a formula (they
begin with = + - @, a tab or the end of a line) can do harm when somebody opens the
file there: --formula-safe puts an apostrophe before them, and begins the file with a
byte-order mark, without which Excel misreads what is not ASCII. It changes the text,
so it is off unless asked for.

The order is that of the log unless --order says otherwise. A file is written whole
or not at all.

Examples:
  explog export > all.jsonl
  explog export --client hre --min-score 0.75 --order best -o best.jsonl
  explog export --format csv --formula-safe -o all.csv
  explog export --format parquet -o all.parquet`,
		Flags: append(filterFlags(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "the `FILE` to write; - is standard output"},
			&cli.StringFlag{Name: "format", Value: "jsonl", Usage: "the `FORMAT`: jsonl, csv or parquet"},
			&cli.BoolFlag{Name: "all-fields", Usage: "with the fields that the schema does not know"},
			&cli.BoolFlag{Name: "formula-safe", Usage: "in CSV, an apostrophe before what a spreadsheet would take for a formula"}),
		Action: func(ctx context.Context, cmd *cli.Command) error { return runExport(ctx, c, cmd) },
	}
}

func runExport(ctx context.Context, c *console, cmd *cli.Command) error {
	f, err := filterOf(cmd)
	if err != nil {
		return err
	}
	write, err := exportFormat(c, cmd)
	if err != nil {
		return err
	}
	var n int64
	err = withLogger(c, cmd, func(l *explog.Logger) error {
		err := output(c, cmd.String("output"), func(w io.Writer) error {
			n, err = write(ctx, l, w, f)
			return err
		})
		if err == nil && n == 0 {
			c.note("no records match")
			noteClient(ctx, c, l, f.Client)
		}
		return err
	})
	return err
}

// exporter writes the records that match a filter and returns how many there are.
type exporter func(context.Context, *explog.Logger, io.Writer, explog.Filter) (int64, error)

// exportFormat returns what writes the format that the flags ask for.
func exportFormat(c *console, cmd *cli.Command) (exporter, error) {
	format, o := cmd.String("format"), tabular.Options{All: cmd.Bool("all-fields"), FormulaSafe: cmd.Bool("formula-safe")}
	if o.FormulaSafe && format != "csv" {
		return nil, usagef("--formula-safe is for --format csv")
	}
	switch format {
	case "jsonl":
		return func(ctx context.Context, l *explog.Logger, w io.Writer, f explog.Filter) (int64, error) {
			return l.Export(ctx, w, f, o.All)
		}, nil
	case "csv":
		return func(ctx context.Context, l *explog.Logger, w io.Writer, f explog.Filter) (int64, error) {
			return tabular.WriteCSV(w, l.Rows(ctx, f), o)
		}, nil
	case "parquet":
		if cmd.String("output") == "-" && terminalWidth(c.out) > 0 {
			return nil, usagef("Parquet is not for a terminal: name a file with --output")
		}
		return func(ctx context.Context, l *explog.Logger, w io.Writer, f explog.Filter) (int64, error) {
			return tabular.WriteParquet(w, l.Rows(ctx, f), o)
		}, nil
	}
	return nil, usagef("--format: unknown format %q: want jsonl, csv or parquet", format)
}

// output writes to a file, or to standard output where path is "-".
func output(c *console, path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(c.out)
	}
	return writeWhole(path, write)
}

// writeWhole writes a file under another name, syncs it and renames it, so that
// there is the whole file or what was there before. What is no plain file (a
// device, a pipe) is written to as it is, and a link's target is what is replaced.
func writeWhole(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode := os.FileMode(0o666) // less the umask
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return writeInto(path, write)
		}
		mode = info.Mode().Perm()
	}
	return tempfiles.Write(path, mode, write)
}

func writeInto(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
