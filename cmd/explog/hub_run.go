package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
	"github.com/explog/explog/hub"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/metrics"
	"github.com/explog/explog/hub/provider"
	"github.com/explog/explog/hub/report"
	"github.com/explog/explog/query"
)

const defaultMaxErrors = 20

// gcPercent bounds the memory of a run. Narratives and recordings live as long as the
// run, so with Go's default of 100 as much garbage would be kept beside them. GOGC
// overrides it.
const gcPercent = 40

func newHubRunCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "ask about each narrative, and keep every answer",
		ArgsUsage: "[CONFIG]",
		Description: `Runs the experiments of a configuration (config/experiments.yml, if none is named),
one after the other. A configuration is a list:

  - experiment_name: "Baseline"
    prompt_file: prompts/baseline.txt       # the system message
    user_template: "Narrative: {{text}}"    # the user message; if left out, the text alone
    model_name: llama3.1:8b
    provider: openai                        # or anthropic, command, rules, replay
    base_url: http://localhost:11434/v1     # any server with the OpenAI protocol
    narratives: narratives.csv              # or .tsv, .jsonl, .xlsx

docs/experiments-yml.md explains every key; explog hub convert makes a configuration of
files in another form. --dry-run checks everything and makes no calls.

Each answer is in the log before the next question is asked in
its place, so a run can be killed at any moment: the same command goes on where it
stopped. As long as some experiments of the file are not finished, those that are
are left out; once all are finished, the command runs all of them anew.

Ctrl-C lets the calls that are under way end and begins no other; a second one ends
at once. Calls that come too fast for a server are made slower by themselves.

A program (provider command, command_mode lines) should print the id of each question
with its answer, as in {"id": "n1", "detected": true}. Once it has used ids, other lines
are ignored and counted. Without ids, a line too many puts its answers in doubt: they are
withdrawn with a warning, and the questions are asked again.

Exit codes: 0 every narrative has a usable answer; 3 all were asked about, and some
have none (explog hub show says which); 1 something is left to ask.

Examples:
  explog hub run --dry-run config/experiments.yml
  explog hub run config/experiments.yml --only "Keywords, baseline prompt" --limit 10`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "only", Usage: "run this experiment alone, by its `NAME`"},
			&cli.StringFlag{Name: "narratives", Usage: "the `FILE` of narratives, instead of the configuration's"},
			&cli.IntFlag{Name: "limit", Usage: "take the first `N` narratives alone"},
			&cli.BoolFlag{Name: "resume", Usage: "go on with what is unfinished (the default), and fail if nothing is"},
			&cli.BoolFlag{Name: "new", Usage: "start anew, whatever is unfinished"},
			&cli.BoolFlag{Name: "retry-errors", Usage: "go on, and ask again where no answer came"},
			&cli.IntFlag{Name: "max-errors", Value: defaultMaxErrors, Usage: "stop after `N` questions in a row without an answer; 0: never"},
			&cli.BoolFlag{Name: "dry-run", Usage: "check everything and print the estimate; make no calls"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error { return runHubRun(ctx, c, cmd) },
	}
}

func runHubRun(ctx context.Context, c *console, cmd *cli.Command) error {
	r := hubRun{
		c: c, dir: storeDir(cmd), anew: cmd.Bool("new"), retryErrors: cmd.Bool("retry-errors"), maxErrors: cmd.Int("max-errors"),
		resume: cmd.Bool("resume") || cmd.Bool("retry-errors"),
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	limit := cmd.Int("limit")
	switch {
	case r.anew && r.resume:
		return usagef("--new starts anew; it goes neither with --resume nor with --retry-errors")
	case cmd.IsSet("limit") && limit < 1:
		return usagef("--limit: want a number above 0")
	case r.maxErrors < 0:
		return usagef("--max-errors: want a number above 0, or 0 for no limit")
	}
	r.path = cmd.Args().First()
	if r.path == "" {
		r.path = "config/experiments.yml"
	}
	conf, err := config.Load(r.path, config.Options{Narratives: cmd.String("narratives"), Only: cmd.String("only")})
	if err != nil {
		return r.faulty(err)
	}
	for _, note := range conf.Notes {
		c.note("%s: %s", r.path, note)
	}
	return withLogger(c, cmd, func(l *explog.Logger) error {
		r.log = l
		if err := r.prepare(ctx, conf, limit); err != nil {
			return r.faulty(err)
		}
		if cmd.Bool("dry-run") {
			return r.estimate(ctx)
		}
		return r.run(ctx)
	})
}

// hubRun runs the experiments of a configuration.
type hubRun struct {
	c                         *console
	log                       *explog.Logger
	dir                       string // of the store
	path                      string // of the configuration
	anew, resume, retryErrors bool
	maxErrors                 int
	benchmarks                []*benchmark

	unusable bool // there are outcomes that are not ok
	stopped  bool // an experiment was stopped before its end
}

// run runs all experiments. One that is stopped does not keep the others from it.
func (r *hubRun) run(ctx context.Context) error {
	work, err := r.work(ctx)
	if err != nil {
		return err
	}
	for _, b := range work {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.one(ctx, b); err != nil {
			return err
		}
	}
	switch {
	case r.stopped:
		return &codeError{code: exitFailed}
	case r.unusable:
		return &codeError{code: exitPartial}
	}
	return nil
}

// one runs one experiment. Its error is for what ends the whole run.
func (r *hubRun) one(ctx context.Context, b *benchmark) error {
	voice := newHubVoice(r.c, b.Name)
	defer voice.end()
	voice.do("preparing the run")
	plan, err := r.plan(ctx, b)
	if err != nil {
		return err
	}
	defer plan.Close() //nolint:errcheck // it has answered
	b.definition = plan.Definition()
	lock, err := hub.Acquire(r.dir, b.definition)
	if errors.Is(err, hub.ErrBusy) {
		return fmt.Errorf("%s: %w; wait for that explog, or end it", b.Name, err)
	}
	if err != nil {
		return err
	}
	defer lock.Release() //nolint:errcheck // what is left of it hinders nobody
	voice.do("looking up what is answered already")
	o, err := r.options(ctx, b)
	if err != nil {
		return err
	}
	if b.past.open != uuid.Nil && o.Resume == uuid.Nil {
		voice.clear()
		r.c.note("%s was finished by another explog meanwhile; --new runs it again", b.Name)
		return nil
	}
	return r.ask(ctx, b, plan, o, voice)
}

// ask runs a plan and says what it came to.
func (r *hubRun) ask(ctx context.Context, b *benchmark, plan hub.Plan, o hub.Options, voice *hubVoice) error {
	o.OnProgress = voice.hear
	o.Note = func(text string) {
		voice.clear()
		r.c.warn("%s: %s", b.Name, text)
	}
	unsaved := 0
	o.Unsaved = func(narrative string, repeat int, a provider.Answer) {
		unsaved++
		voice.clear()
		_ = printJSON(r.c.out, unsavedAnswer{narrative, repeat, a.Text}) // the error of the store is told
	}
	voice.do("saving the narratives")
	voice.start()
	stopFollowing := followLog(ctx, r.log)
	report, err := plan.Run(ctx, o)
	stopFollowing()
	voice.clear()
	if err != nil {
		return storeFailed(b.Name, unsaved, err)
	}
	voice.do("all is saved: computing the results")
	text, err := r.summary(context.WithoutCancel(ctx), report.Experiment)
	voice.end()
	switch {
	case err != nil:
		r.c.note("the answers are saved; the view will follow: %v", err)
	case text != "":
		if err := r.c.printf("%s\n", text); err != nil {
			r.c.note("the answers are saved; the result cannot be printed: %v", err)
		}
	}
	return r.judge(b, report)
}

// unsavedAnswer is a line that a replay can read.
type unsavedAnswer struct {
	NarrativeID string `json:"narrative_id"`
	Repeat      int    `json:"repeat"`
	Reply       string `json:"reply"`
}

func storeFailed(name string, unsaved int, err error) error {
	if unsaved == 0 {
		return fmt.Errorf("%s: stopped, because nothing can be saved: %w", name, err)
	}
	return fmt.Errorf("%s: stopped, because nothing can be saved (%s on standard output, for a replay_file): %w",
		name, plural(int64(unsaved), "answer"), err)
}

// options returns how an experiment is run: as a new one, or on from where it stopped.
// The lock is held, so that this stays true.
func (r *hubRun) options(ctx context.Context, b *benchmark) (hub.Options, error) {
	o := hub.Options{Log: r.log, RetryErrors: r.retryErrors, MaxErrors: r.maxErrors}
	err := readHub(ctx, r.log, func(h *query.Hub) error {
		past, err := r.past(ctx, h, b.definition)
		if err != nil || past.open == uuid.Nil {
			return err
		}
		o.Resume = past.open
		for p, err := range h.Progress(ctx, past.open) {
			if err != nil {
				return err
			}
			o.Asked = append(o.Asked, p)
		}
		return nil
	})
	return o, err
}

// judge says what is to be said of an experiment that has stopped. Its error is for
// what ends the whole run.
func (r *hubRun) judge(b *benchmark, report hub.Report) error {
	switch {
	case report.Outcome == event.StopAborted:
		r.stopped = true
		r.c.warn("%s was stopped at %d of %d questions: %s; the same command goes on from there%s",
			b.Name, report.Done, report.Total, report.Reason, retryHint(b, report))
	case report.Outcome == event.StopPaused:
		return fmt.Errorf("interrupted; %d of %d questions of %s are done, and the same command goes on from there%s",
			report.Done, report.Total, b.Name, retryHint(b, report))
	case report.Errors > 0 && b.Provider == config.ProviderReplay:
		r.c.note("%s: %s without a recorded reply, the last because: %s; a retry would find the same: add what is missing to the recording",
			b.Name, plural(int64(report.Errors), "question"), report.LastError)
	case report.Errors > 0:
		r.c.note("%s: %s without an answer, the last because: %s; --retry-errors asks again",
			b.Name, plural(int64(report.Errors), "question"), report.LastError)
	}
	return nil
}

func retryHint(b *benchmark, report hub.Report) string {
	if report.Errors == 0 || b.Provider == config.ProviderReplay {
		return ""
	}
	return ", with --retry-errors also where no answer came"
}

// summary is what an experiment came to, as the view has it.
func (r *hubRun) summary(ctx context.Context, id uuid.UUID) (text string, err error) {
	err = readHub(ctx, r.log, func(h *query.Hub) error {
		e, err := h.Experiment(ctx, id.String())
		if err != nil {
			return err
		}
		asked := e.Total - e.Outcomes[event.ResultNotRun]
		r.unusable = r.unusable || asked > e.Outcomes[event.ResultOK]
		text = printable(summaryText(e))
		return nil
	})
	return text, err
}

// summaryText is an experiment in one line.
func summaryText(e query.HubExperiment) string {
	m := metrics.Counts{TP: e.TP, FN: e.FN, FP: e.FP, TN: e.TN}
	text := fmt.Sprintf("%s (experiment %d): %s: %s; ", e.Name, e.ID, plural(int64(e.Total), "result"), report.Outcomes(e.Outcomes))
	if f1, accuracy := m.F1().Point, m.Accuracy().Point; f1.Reason() == accuracy.Reason() && f1.Reason() != "" {
		text += "F1 and accuracy " + f1.String()
	} else {
		text += fmt.Sprintf("F1 %v, accuracy %v (of %d labelled)", f1, accuracy, m.N())
	}
	if e.Cost != nil {
		text += "; " + dollars(*e.Cost)
	}
	if e.PossiblyBilled > 0 {
		text += fmt.Sprintf("; %s possibly billed for nothing", plural(int64(e.PossiblyBilled), "call"))
	}
	return text
}

// dollars prints an amount of money, small ones too.
func dollars(amount float64) string {
	if amount >= 1 {
		return fmt.Sprintf("$%.2f", amount)
	}
	return fmt.Sprintf("$%.4f", amount)
}

// faulty prints each fault of a configuration or of narratives on its line.
func (r *hubRun) faulty(err error) error {
	if !strings.Contains(err.Error(), "\n") {
		return err
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(r.c.err, printable(line))
	}
	return errors.New("nothing was run, because of the faults above")
}
