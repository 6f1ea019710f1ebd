package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/event/input"
)

func newRootCommand(c *console) *cli.Command {
	root := &cli.Command{
		Name:  "explog",
		Usage: "a durable log of experiments",
		Description: `explog keeps every scored attempt (a problem, its solution, its score) the moment
it has it, once, whatever happens to the program that made it.

The store is one folder: --dir, else $EXPLOG_DIR, else ./data. It is made by the
first write.

Examples:
  explog import --file experiments.json --client hre
  explog capture --client hre -- sh loop.sh
  explog query --client hre --min-score 0.9
  explog export -o all.jsonl`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Value: "data", Usage: "the store's `FOLDER`", Sources: cli.EnvVars("EXPLOG_DIR")},
			&cli.DurationFlag{Name: "lock-timeout", Value: 30 * time.Second, Usage: "how long to wait for other processes"},
		},
		Commands: []*cli.Command{
			newImportCommand(c),
			newSaveCommand(c),
			newCaptureCommand(c),
			newShowCommand(c),
			newCountCommand(c),
			newQueryCommand(c),
			newStatsCommand(c),
			newExportCommand(c),
			newRejectsCommand(c),
			newRunsCommand(c),
			newHubCommand(c),
			newDatasetCommand(c),
			newStatusCommand(c),
			newVerifyCommand(c),
			newRebuildCommand(c),
			newBackupCommand(c),
			newCompactCommand(c),
			newSalvageCommand(c),
		},
		Version:               version(),
		EnableShellCompletion: true,
		Reader:                c.in,
		Writer:                c.out,
		ErrWriter:             c.err,
		ExitErrHandler:        func(context.Context, *cli.Command, error) {}, // main maps errors to exit codes
		ArgValidator:          noSurplus,
		Action:                noCommand,
	}
	root.ConfigureShellCompletionCommand = func(cmd *cli.Command) { cmd.Hidden = false }
	walk(root, func(cmd *cli.Command) {
		cmd.OnUsageError = wrongUsage
		cmd.HideHelpCommand = true
		cmd.DisableSliceFlagSeparator = true
	})
	return root
}

func walk(cmd *cli.Command, visit func(*cli.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands {
		walk(sub, visit)
	}
}

// withLogger runs fn on the store that the flags name.
func withLogger(c *console, cmd *cli.Command, fn func(*explog.Logger) error) error {
	limit := cmd.Int("max-record")
	if cmd.IsSet("max-record") && (limit < 1 || limit > explog.MaxMaxRecord) {
		return usagef("--max-record: want 1 to %d bytes, got %d", explog.MaxMaxRecord, limit)
	}
	logger, err := explog.Open(storeDir(cmd), explog.Options{
		LockTimeout: cmd.Duration("lock-timeout"),
		MaxRecord:   limit,
		Note:        func(text string) { c.note("%s", text) },
	})
	if err != nil {
		return err
	}
	if err := fn(logger); err != nil {
		return errors.Join(err, logger.Close())
	}
	return logger.Close()
}

// storeDir returns the folder of the store.
func storeDir(cmd *cli.Command) string {
	return cmp.Or(cmd.String("dir"), "data") // EXPLOG_DIR may be set and empty
}

// maxRecordFlag is the flag of the commands that take records in.
func maxRecordFlag() cli.Flag {
	return &cli.IntFlag{Name: "max-record", Value: input.DefaultMaxRecord, Usage: "the most `BYTES` of one record"}
}

// noCommand is what explog does without a command, or with one that it has not.
func noCommand(_ context.Context, cmd *cli.Command) error {
	if !cmd.Args().Present() {
		return cli.ShowSubcommandHelp(cmd)
	}
	name := cmd.Args().First()
	hint := "see explog --help"
	var names []string
	for _, sub := range cmd.VisibleCommands() {
		names = append(names, sub.Name)
	}
	if near := nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usagef("no command %q; %s", name, hint)
}

// noSurplus refuses positional arguments that a command does not take.
func noSurplus(_ context.Context, cmd *cli.Command) error {
	if len(cmd.Commands) > 0 {
		return nil
	}
	if strings.Contains(cmd.ArgsUsage, "…") {
		return nil
	}
	wants, takes := 0, 0
	for _, name := range strings.Fields(cmd.ArgsUsage) {
		if takes++; !strings.HasPrefix(name, "[") {
			wants++
		}
	}
	switch n := cmd.Args().Len(); {
	case n > takes:
		hint := fmt.Sprintf("see %s --help", cmd.FullName())
		if cmd.Name == "import" || cmd.Name == "save" {
			hint = "a file is named with --file"
		}
		return usagef("%s takes no argument %q; %s", cmd.FullName(), cmd.Args().Get(takes), hint)
	case n < wants:
		return usagef("%s wants %s; see %s --help", cmd.FullName(), cmd.ArgsUsage, cmd.FullName())
	}
	return nil
}

// wrongUsage rewords what the flag parser says.
func wrongUsage(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	var coded *codeError
	if errors.As(err, &coded) {
		return err
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		name = strings.TrimLeft(name, "-")
		text = fmt.Sprintf("%s has no flag --%s", cmd.FullName(), name)
		var names []string
		for _, f := range append(slices.Clone(cmd.Root().Flags), cmd.Flags...) {
			names = append(names, f.Names()...)
		}
		if near := nearest(name, names); near != "" {
			return usagef("%s; did you mean --%s?", text, near)
		}
	}
	if rest, ok := strings.CutPrefix(text, "invalid value "); ok { // that is no number, or no time
		value, flag, _ := strings.Cut(rest, " for flag -")
		flag, _, _ = strings.Cut(flag, ": ")
		text = fmt.Sprintf("--%s: %s is no value for it", flag, value)
	}
	return usagef("%s; see %s --help", text, cmd.FullName())
}

// version returns the module's version with the commit and the Go version that
// the binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text == "" || text == "(devel)" {
		text = "devel"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			text += " (modified)"
		}
	}
	return text + " " + info.GoVersion
}
