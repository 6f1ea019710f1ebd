package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newCaptureCommand(c *console) *cli.Command {
	afterTheFlags := 1
	return &cli.Command{
		Name:      "capture",
		Usage:     "run a program and keep the records that it prints, as it prints them",
		ArgsUsage: "[-- CMD ARGS…]",
		Description: `Runs CMD. Each line of its standard output that is a JSON object with problem and
score is a record: it is saved within 50 ms and not printed. All other lines pass
to standard output as they came; standard input and standard error are CMD's own.
Whatever happens to CMD, or to explog, what was captured stays.

Signals are passed on. The exit code is CMD's; 128 and the signal's number if a
signal ended it, 124 on --timeout, 125 if records could not be stored (CMD is
ended then), 126 or 127 if CMD could not be started. The run itself is kept too,
with its command line: see explog runs.

Without CMD, records are read from standard input in the same way, and the exit
code is 0, 1, or 3 if something was rejected. With --ack the id of each record is
printed when it is on disk, and other lines go to standard error.

Many programs hold their output back when it is no terminal, so that records come
late, or not at all if they die. For Python, PYTHONUNBUFFERED=1 is set. For others
flush after each record, or try --pty, which gives CMD a terminal to print to;
stdbuf -oL CMD helps with many C programs.

Examples:
  explog capture --client hre -- sh loop.sh
  explog capture --restarts 3 --timeout 2h -- sh loop.sh
  sh loop.sh | explog capture --client hre --ack`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "client", Usage: "the `CLIENT` of records that name none; others are rejected"},
			&cli.StringFlag{Name: "run", Usage: "the `RUN` of records that name none (default: a new one)"},
			&cli.BoolFlag{Name: "ack", Usage: "print the id of each record that is on disk; only without CMD"},
			&cli.IntFlag{Name: "restarts", Usage: "run CMD again after a failure, up to `N` times"},
			&cli.DurationFlag{Name: "timeout", Usage: "end CMD after so long, such as 30m or 2h; with --restarts each start has so long"},
			&cli.BoolFlag{Name: "pty", Usage: "give CMD a terminal as its standard output"},
			maxRecordFlag(),
		},
		StopOnNthArg: &afterTheFlags, // what stands behind CMD is CMD's
		Action:       func(ctx context.Context, cmd *cli.Command) error { return runCapture(ctx, c, cmd) },
	}
}

func runCapture(ctx context.Context, c *console, cmd *cli.Command) error {
	program := cmd.Args().Slice()
	if len(program) > 0 && cmd.Bool("ack") {
		return usagef("--ack is for records from standard input, without CMD")
	}
	if len(program) == 0 && (cmd.IsSet("restarts") || cmd.IsSet("timeout") || cmd.IsSet("pty")) {
		return usagef("--restarts, --timeout and --pty want a CMD to run; see explog capture --help")
	}
	if cmd.Int("restarts") < 0 || cmd.Duration("timeout") < 0 {
		return usagef("--restarts and --timeout cannot be negative")
	}
	run := cmd.String("run")
	if run == "" {
		run = newRunID(time.Now())
		c.note("run %s", run)
	}
	return withLogger(c, cmd, func(l *explog.Logger) error {
		voice := newImportVoice(c, explog.ImportOptions{}, false)
		tell, told := unhurried(voice.result)
		defer told()
		o := explog.CaptureOptions{Client: cmd.String("client"), Run: run, Pass: c.out, Gather: gatherTime, OnResult: tell}
		if len(program) == 0 {
			return captureInput(ctx, c, l, o, cmd.Bool("ack"), func(r explog.ImportReport, err error) {
				told()
				voice.end(r, err)
			})
		}
		o.Source = run
		s := supervisor{
			c: c, log: l, opts: o, program: program,
			restarts: cmd.Int("restarts"), timeout: cmd.Duration("timeout"), pty: cmd.Bool("pty"),
		}
		defer s.listen()()
		code, err := s.supervise(context.WithoutCancel(ctx)) // signals are CMD's business
		told()
		voice.end(s.total, err)
		s.catchUp(context.WithoutCancel(ctx))
		if err != nil || code != 0 {
			return &codeError{code, err}
		}
		return nil
	})
}

// gatherTime is how long the records of a fast program wait for one another.
const gatherTime = 10 * time.Millisecond

// captureInput captures from standard input.
func captureInput(ctx context.Context, c *console, l *explog.Logger, o explog.CaptureOptions, ack bool, end func(explog.ImportReport, error)) error {
	o.Source = "-"
	if ack {
		o.Pass, o.Gather = unsafe(c.err), 0
		tell := o.OnResult
		o.OnResult = func(r explog.ImportResult) {
			tell(r)
			if r.Status == explog.New || r.Status == explog.Duplicate {
				_ = c.printf("%s\n", r.ID) // if nobody reads it any more, the records still count
			}
		}
	}
	report, err := l.Capture(ctx, c.in, o)
	end(report, err)
	if err != nil {
		return captureError(err)
	}
	c.note("%s", capturedText(report))
	if report.New+report.Rejected+report.Conflicting > 0 {
		if err := l.CatchUp(ctx); err != nil {
			c.note("the records are saved; the view will follow: %v", err)
		}
	}
	if !report.Clean() {
		return &codeError{code: exitPartial}
	}
	return nil
}

// unhurried returns a function that takes results without waiting for whoever is
// told of them: a standard error that nobody reads must not hold up the saving. What
// there is nothing to say about is dropped. told waits until all is told.
func unhurried(result func(explog.ImportResult)) (tell func(explog.ImportResult), told func()) {
	var mu sync.Mutex
	var waiting []explog.ImportResult
	wake, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for range wake {
			mu.Lock()
			now := waiting
			waiting = nil
			mu.Unlock()
			for _, r := range now {
				result(r)
			}
		}
	}()
	tell = func(r explog.ImportResult) {
		if r.Clamped == nil && r.Noted == nil && (r.Status == explog.New || r.Status == explog.Duplicate) {
			return
		}
		mu.Lock()
		waiting = append(waiting, r)
		mu.Unlock()
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	told = sync.OnceFunc(func() {
		close(wake)
		<-ended
	})
	return tell, told
}

func captureError(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("records that came could not be saved: %w", err)
}

func capturedText(r explog.ImportReport) string {
	return fmt.Sprintf("%s: %d new, %d duplicate, %d conflicting, %d rejected",
		plural(r.Read, "record"), r.New, r.Duplicate, r.Conflicting, r.Rejected)
}
