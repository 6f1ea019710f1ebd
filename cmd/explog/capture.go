package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
)

func newCaptureCommand(c *console) *cli.Command {
	afterTheFlags, ack := 1, ackNone
	return &cli.Command{
		Name:      "capture",
		Usage:     "run a program and keep the records that it prints, as it prints them",
		ArgsUsage: "[-- CMD ARGS…]",
		Description: `Runs CMD. Each line of its standard output that is a JSON object with problem and
score is a record: it is saved within 50 ms and not printed. All other lines pass
to standard output as they came; standard input and standard error are CMD's own.
Whatever happens to CMD, or to explog, what was captured stays. Lines that contain
problem and score and are not records are counted: a text before the object, a
Python dict, a list, an object on several lines.

Signals are passed on. The exit code is CMD's; 128 and the signal's number if a
signal ended it, 124 on --timeout, 125 if records could not be stored (CMD is
ended then), 126 or 127 if CMD could not be started; 1 instead of 0 if standard
output could not be written. The run itself is kept too, with its command line: see
explog runs. Before a restart, what the failed CMD started and left running is ended.

Without CMD, records are read from standard input in the same way, and the exit
code is 0, 1, or 3 if something was rejected. Then --ack answers each line with a
line, in order, as soon as the record is on disk: its id, or - for a line that is not
stored. --ack=json answers with {"line":N,"status":S,"id":ID,"faults":[...]}, where S
is new, duplicate, conflicting, rejected or passed. A program that waits for each
answer loses nothing. Lines that are not records go to standard error.

Many programs hold their output back when it is no terminal, so that records come
late, or not at all if they die. For Python, PYTHONUNBUFFERED=1 is set, and colours
are turned off with NO_COLOR=1. For others flush after each record, or try --pty,
which gives CMD a terminal to print to; escape sequences in a line are then ignored
when it is examined. Use --pty too if CMD colours its records all the same.
stdbuf -oL CMD helps with many C programs.

Examples:
  explog capture --client hre -- sh loop.sh
  explog capture --restarts 3 --timeout 2h -- sh loop.sh
  sh loop.sh | explog capture --client hre --ack`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "client", Usage: "the `CLIENT` of records that name none; others are rejected"},
			&cli.StringFlag{Name: "run", Usage: "the `RUN` of records that name none (default: a new one)"},
			&cli.GenericFlag{Name: "ack", Value: &ack, Usage: "answer each line when it is saved: its id or, with `[=json]`, its status; only without CMD"},
			&cli.IntFlag{Name: "restarts", Usage: "run CMD again after a failure, up to `N` times"},
			&cli.DurationFlag{Name: "timeout", Usage: "end CMD after so long, such as 30m or 2h; with --restarts each start has so long"},
			&cli.BoolFlag{Name: "pty", Usage: "give CMD a terminal as its standard output"},
			maxRecordFlag(),
		},
		StopOnNthArg: &afterTheFlags, // what stands behind CMD is CMD's
		Action:       func(ctx context.Context, cmd *cli.Command) error { return runCapture(ctx, c, cmd, ack) },
	}
}

func runCapture(ctx context.Context, c *console, cmd *cli.Command, ack ackForm) error {
	program := cmd.Args().Slice()
	if len(program) > 0 && ack != ackNone {
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
		voice := newCaptureVoice(c)
		voice.lookalikes.terminal = cmd.Bool("pty")
		o := explog.CaptureOptions{
			Client: cmd.String("client"), Run: run, Pass: voice.out, Gather: gatherTime,
			OnResult: voice.tell, OnLookalike: voice.lookalikes.add, Terminal: cmd.Bool("pty"),
		}
		if len(program) == 0 {
			return captureInput(ctx, c, l, o, ack, voice)
		}
		o.Source = run
		s := supervisor{
			c: c, log: l, opts: o, program: program,
			restarts: cmd.Int("restarts"), timeout: cmd.Duration("timeout"),
		}
		defer s.listen()()
		code, err := s.supervise(context.WithoutCancel(ctx)) // signals are CMD's business
		code = voice.end(s.total, code, err)
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
func captureInput(ctx context.Context, c *console, l *explog.Logger, o explog.CaptureOptions, ack ackForm, voice *captureVoice) error {
	o.Source = "-"
	if ack != ackNone {
		answer := acks{form: ack, out: o.Pass}
		o.Pass, o.Gather = unsafe(c.err), 0
		o.OnPassed = answer.passed
		o.OnResult = func(r explog.ImportResult) {
			voice.tell(r)
			answer.result(r)
		}
	}
	report, err := l.Capture(ctx, c.in, o)
	if err != nil {
		voice.end(report, exitFailed, err)
		return captureError(err)
	}
	code := 0
	if !report.Clean() {
		code = exitPartial
	}
	if voice.end(report, 0, nil) != 0 {
		code = exitFailed
	}
	c.note("%s", capturedText(report))
	if report.New+report.Rejected+report.Conflicting > 0 {
		if err := l.CatchUp(ctx); err != nil {
			c.note("the records are saved; the view will follow: %v", err)
		}
	}
	if code != 0 {
		return &codeError{code: code}
	}
	return nil
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
