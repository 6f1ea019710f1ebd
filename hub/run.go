package hub

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/provider"
	"github.com/explog/explog/query"
)

// Options say how a plan is run.
type Options struct {
	Log Appender
	// Resume is the experiment that the run goes on with; the zero value: a new one.
	// Asked is how far that is.
	Resume uuid.UUID
	Asked  []query.Progress
	// RetryErrors asks again where earlier runs gave up.
	RetryErrors bool
	// MaxErrors stops the run after so many questions in a row without an answer; 0:
	// never. A replay calls nobody and is not stopped.
	MaxErrors int
	// OnProgress is told how far the run is, whenever that has changed; nil: nobody is.
	OnProgress func(Progress)
	// Note is told warnings of the provider, each in one line; nil: they are discarded.
	Note func(text string)
	// Unsaved is handed each answer that could not be kept; nil: nobody is.
	Unsaved func(narrative string, repeat int, a provider.Answer)
}

// Progress is how far a run is.
type Progress struct {
	Total  int // questions, all of the experiment
	Done   int // of these, nothing is left to ask
	Asked  int // of these, by this run
	Errors int // of these, without an answer
	// Cost is what the answers of this run cost, in US dollars; nil: unknown.
	Cost  *float64
	Until time.Time // when the next call may begin; in the past, or zero: at once
}

// Report is what became of a run.
type Report struct {
	Experiment uuid.UUID
	Outcome    event.StopOutcome
	Reason     string // of an abort
	Progress
	LastError string // why the last question without an answer has none; empty: there is none
}

// runner is a run that is under way.
type runner struct {
	Options
	plan       Plan
	experiment uuid.UUID
	start      uuid.UUID // key of the fact that the run began
	asked      map[asking]query.Progress
	gate       *gate

	mu       sync.Mutex
	report   Report
	inARow   int   // questions without an answer
	failure  error // of the log: nothing can be kept
	stopping context.CancelFunc

	provisional map[asking]attempt // answers in the log that may be withdrawn
	early       map[asking]bool    // answers that were withdrawn before they were in the log
	again       []question         // whose answers were withdrawn
}

// Run asks all questions that have not been asked. When the context ends it pauses:
// calls that are under way end as they would, and no other begins.
//
// The error says that the log failed. What became of the run otherwise is in the
// report.
func (p Plan) Run(ctx context.Context, o Options) (Report, error) {
	r := &runner{
		Options: o, plan: p, experiment: o.Resume, start: uuid.New(),
		provisional: make(map[asking]attempt), early: make(map[asking]bool),
		asked: askedBefore(o.Asked), gate: newGate(p.config.Concurrency, p.config.RequestsPerMinute),
	}
	if p.config.Provider == config.ProviderReplay {
		r.MaxErrors = 0
	}
	kept := context.WithoutCancel(ctx) // what is known is kept, whatever ends the asking
	if err := r.begin(kept); err != nil {
		return r.report, err
	}
	ctx, r.stopping = context.WithCancel(ctx)
	defer r.stopping()
	r.compare()
	open := func(yield func(question) bool) {
		for q := range p.questions() {
			if r.open(q) && !yield(q) {
				return
			}
		}
	}
	r.askAll(ctx, kept, open)
	r.settle(kept)
	for again := r.takeAgain(); len(again) > 0 && ctx.Err() == nil; again = r.takeAgain() {
		r.askAll(ctx, kept, slices.Values(again))
		r.settle(kept)
	}
	return r.end(kept)
}

// begin appends that the run begins, of a new experiment all that it is, and what
// earlier runs have left to be parsed.
func (r *runner) begin(ctx context.Context) error {
	var facts []event.Fact
	var err error
	if r.experiment == uuid.Nil {
		r.experiment = uuid.New()
		if facts, err = r.plan.define(ctx, r.experiment, r.Log); err != nil {
			return err
		}
	}
	host, _ := os.Hostname() // it is a help, no more
	list := []fact{event.ExperimentStarted{ID: r.start, Experiment: r.experiment, Host: host, Started: time.Now().UTC()}}
	for _, p := range r.Asked {
		if p.Unparsed != nil {
			list = append(list, r.plan.parse(*p.Unparsed))
		}
	}
	more, err := encode(list...)
	if err != nil {
		return err
	}
	r.report.Experiment = r.experiment
	for q := range r.plan.questions() {
		r.report.Total++
		if !r.open(q) {
			r.report.Done++
		}
	}
	if r.plan.definition.InputPrice != nil {
		r.report.Cost = new(0.0)
	}
	if err := r.Log.Append(ctx, append(facts, more...)...); err != nil {
		return err
	}
	if facts != nil { // the experiment is new
		r.plan.set.logged = r.Log
	}
	return nil
}

// open reports whether a question is to be asked.
func (r *runner) open(q question) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.asked[asking{q.narrative, q.repeat}]
	return !a.Finished || r.RetryErrors && a.Outcome == event.ResultError
}

// askAll hands questions to workers, until there are none or the context ends.
func (r *runner) askAll(ctx, kept context.Context, list iter.Seq[question]) {
	questions := make(chan question)
	var workers sync.WaitGroup
	for range r.plan.config.Concurrency {
		workers.Go(func() {
			for q := range questions {
				r.ask(ctx, kept, q)
			}
		})
	}
	defer workers.Wait()
	defer close(questions)
	for q := range list {
		select {
		case questions <- q:
		case <-ctx.Done():
			return
		}
	}
}

// end appends how the run stopped.
func (r *runner) end(ctx context.Context) (Report, error) {
	if r.failure != nil {
		return r.report, r.failure
	}
	switch {
	case r.report.Done == r.report.Total:
		r.report.Outcome, r.report.Reason = event.StopFinished, ""
	case r.report.Outcome != event.StopAborted:
		r.report.Outcome = event.StopPaused
	}
	return r.report, r.keep(ctx, event.ExperimentStopped{
		Start: r.start, Experiment: r.experiment, Outcome: r.report.Outcome, Reason: r.report.Reason, Stopped: time.Now().UTC(),
	})
}

// done counts a question of which nothing is left to ask.
func (r *runner) done(failed *provider.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Done++
	r.report.Asked++
	if failed == nil {
		r.inARow = 0
	} else {
		r.inARow++
		r.report.Errors++
		r.report.LastError = failed.Message
		if r.inARow == r.MaxErrors {
			r.abort(fmt.Sprintf("%d in a row without an answer, the last because: %s", r.inARow, failed.Message))
		}
	}
	r.tell()
}

// abort stops the run; the first reason counts. The caller holds the lock.
func (r *runner) abort(reason string) {
	if r.report.Outcome != event.StopAborted {
		r.report.Outcome, r.report.Reason = event.StopAborted, reason
	}
	r.stopping()
}

// fail stops the run because the log failed.
func (r *runner) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = errors.Join(r.failure, err)
	r.stopping()
}

// tell says how far the run is. The caller holds the lock.
func (r *runner) tell() {
	if r.OnProgress == nil {
		return
	}
	p := r.report.Progress
	if p.Cost != nil {
		p.Cost = new(*p.Cost)
	}
	p.Until = r.gate.until()
	r.OnProgress(p)
}
