package hub

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/provider"
)

// ask asks one question until it has an answer, or until there is no use in it.
// Where the context ends before, the question stays open.
func (r *runner) ask(ctx, kept context.Context, q question) {
	request := r.request(q)
	t := attempt{
		question: q,
		call:     event.CallKey(r.experiment, q.narrative, q.repeat, r.plan.provider.Identity(request)),
		number:   r.attempts(q),
	}
	for try := 0; ; try++ {
		began, err := r.gate.enter(ctx)
		if err != nil {
			return
		}
		t.number++
		t.last = try >= r.plan.config.MaxRetries
		failed := r.try(kept, t, request, began)
		if failed == nil || !sleep(ctx, delay(try, failed)) {
			return
		}
	}
}

// request says a question in the words of package provider.
func (r *runner) request(q question) provider.Request {
	c := r.plan.config
	p := provider.Request{
		NarrativeID: q.narrative, Repeat: q.repeat, Prompt: c.Prompt, Narrative: q.text, Model: c.Model,
		Temperature: c.Temperature, MaxTokens: c.MaxTokens, Seed: c.Seed,
	}
	if !r.plan.template.IsPlain() {
		p.Message = r.plan.template.Message(q.text)
	}
	return p
}

// attempt is one try of a question.
type attempt struct {
	question
	call   uuid.UUID
	number int  // from 1, over all runs
	last   bool // no other follows in this run
}

// try makes a call that the gate has let in. It returns an error where another try
// can help.
func (r *runner) try(ctx context.Context, t attempt, q provider.Request, began time.Time) *provider.Error {
	err := r.keep(ctx, event.CallStarted{
		Call: t.call, Attempt: t.number, Experiment: r.experiment, Narrative: t.narrative, Repeat: t.repeat, Started: time.Now().UTC(),
	})
	if err != nil {
		r.gate.leave(began, provider.Pace{}, nil)
		r.fail(err)
		return nil
	}
	asked := time.Now()
	a, failed := r.answer(ctx, q)
	took := time.Since(asked)
	r.gate.leave(began, a.Pace, failed)
	finished := r.finished(t, a, failed, took)
	if failed != nil {
		err = r.keep(ctx, finished)
	} else {
		err = r.keep(ctx, finished, r.plan.parse(finished))
	}
	defer r.hear(ctx)
	switch {
	case err != nil:
		r.unsaved(t, a, failed, err)
	case failed == nil:
		r.count(a)
		r.done(nil)
		r.remember(ctx, t, a)
	case failed.Kind == provider.Fatal:
		r.stopFor(failed)
	case finished.Last:
		r.done(failed)
	default:
		r.waitFor()
		return failed
	}
	return nil
}

// answer asks the provider. A failed call has its pace in the answer, too.
func (r *runner) answer(ctx context.Context, q provider.Request) (provider.Answer, *provider.Error) {
	a, err := r.plan.provider.Answer(ctx, q)
	if err == nil {
		return a, nil
	}
	var failed *provider.Error
	if !errors.As(err, &failed) {
		failed = &provider.Error{Kind: provider.Temporary, Message: err.Error()}
	}
	return provider.Answer{Pace: failed.Pace}, failed
}

// Of an answer so much is kept, in bytes: an event has a limit.
const (
	mostText = 2 << 20
	mostRaw  = 24 << 20
)

// finished is what came of a call.
func (r *runner) finished(t attempt, a provider.Answer, failed *provider.Error, took time.Duration) event.CallFinished {
	f := event.CallFinished{
		Call: t.call, Attempt: t.number, Experiment: r.experiment, Narrative: t.narrative, Repeat: t.repeat,
		Latency: took, Finished: time.Now().UTC(),
	}
	if failed != nil {
		f.Raw, f.Status, f.Error, f.ErrorKind = failed.Raw, failed.Status, failed.Message, string(failed.Kind)
		f.Last = failed.Kind == provider.Unanswerable || t.last && failed.Kind != provider.Fatal
		return f
	}
	if a.Finish == provider.Complete && len(a.Text) > mostText {
		a.Finish = provider.Truncated
	}
	f.Text, f.Reasoning, f.Raw = cut(a.Text), cut(a.Reasoning), a.Raw[:min(len(a.Raw), mostRaw)]
	f.Finish, f.Model, f.Status = string(a.Finish), a.Model, a.Status
	f.InputTokens, f.OutputTokens = a.InputTokens, a.OutputTokens
	return f
}

// cut returns the part of a text that is kept beside the raw answer.
func cut(text string) string {
	if len(text) <= mostText {
		return text
	}
	return strings.ToValidUTF8(text[:mostText], "")
}

// keep appends facts, all of them or none.
func (r *runner) keep(ctx context.Context, list ...fact) error {
	facts, err := encode(list...)
	if err != nil {
		return err
	}
	return r.Log.Append(ctx, facts...)
}

// unsaved hands on an answer that could not be kept, and stops the run.
func (r *runner) unsaved(t attempt, a provider.Answer, failed *provider.Error, err error) {
	r.fail(err)
	if failed == nil && r.Unsaved != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.Unsaved(t.narrative, t.repeat, a)
	}
}

// stopFor stops the run for an error that no other call will escape.
func (r *runner) stopFor(failed *provider.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.abort(failed.Message)
}

// waitFor tells that a question is tried again.
func (r *runner) waitFor() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell()
}

// count adds up what an answer cost.
func (r *runner) count(a provider.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report.Cost == nil {
		return
	}
	const million = 1e6
	if a.InputTokens != nil {
		*r.report.Cost += float64(*a.InputTokens) * *r.plan.definition.InputPrice / million
	}
	if a.OutputTokens != nil {
		*r.report.Cost += float64(*a.OutputTokens) * *r.plan.definition.OutputPrice / million
	}
}
