package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newExportCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write records as JSONL",
		Description: `One record a line, with exactly its nine fields; with --all-fields also those that
the schema does not know. The order is that of the log unless --order says
otherwise. Importing an export gives the same records back. A file is written
whole or not at all.

Examples:
  explog export > all.jsonl
  explog export --client hre --min-score 0.75 --order best -o best.jsonl`,
		Flags: append(filterFlags(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "the `FILE` to write; - is standard output"},
			&cli.BoolFlag{Name: "all-fields", Usage: "with the fields that the schema does not know"}),
		Action: func(ctx context.Context, cmd *cli.Command) error { return runExport(ctx, c, cmd) },
	}
}

func runExport(ctx context.Context, c *console, cmd *cli.Command) error {
	f, err := filterOf(cmd)
	if err != nil {
		return err
	}
	var n int64
	err = withLogger(c, cmd, func(l *explog.Logger) error {
		return output(c, cmd.String("output"), func(w io.Writer) error {
			n, err = l.Export(ctx, w, f, cmd.Bool("all-fields"))
			return err
		})
	})
	if err == nil && n == 0 {
		c.note("no records match")
	}
	return err
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
	tmp, err := os.OpenFile(fmt.Sprintf("%s.tmp-%d", path, os.Getpid()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // after the rename it is not there any more
	if err := errors.Join(write(tmp), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func writeInto(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
