package hub

import (
	"context"
	"slices"
	"time"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/provider"
)

// newsgiver is a provider that has more to say than answers.
type newsgiver interface{ News() provider.News }

// settler is a provider that can check its answers once all questions are asked.
type settler interface{ Settle() }

// comparer is a provider that can compare what it holds with what it will be asked.
type comparer interface {
	Compare(narratives map[string]string, repeats int, limited bool) []string
}

// attempts returns how often a question was asked.
func (r *runner) attempts(q question) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[asking{q.narrative, q.repeat}].Attempts
}

// compare passes on what the provider has to say before the first question.
func (r *runner) compare() {
	c, compares := r.plan.provider.(comparer)
	if !compares {
		return
	}
	texts := make(map[string]string, len(r.plan.set.narratives))
	for _, n := range r.plan.set.narratives {
		texts[n.ID] = n.Text
	}
	r.note(c.Compare(texts, r.plan.config.Repeats, r.plan.config.Limit > 0))
}

// settle has the provider check its answers.
func (r *runner) settle(ctx context.Context) {
	if s, settles := r.plan.provider.(settler); settles {
		s.Settle()
		r.hear(ctx)
	}
}

// hear passes on the provider's warnings, and withdraws what it withdraws.
func (r *runner) hear(ctx context.Context) {
	n, has := r.plan.provider.(newsgiver)
	if !has {
		return
	}
	news := n.News()
	r.note(news.Notes)
	for _, a := range news.Withdrawn {
		if t, known := r.recall(asking{a.NarrativeID, a.Repeat}); known {
			r.withdraw(ctx, t)
		}
	}
}

func (r *runner) note(list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Note == nil {
		return
	}
	for _, text := range list {
		r.Note(text)
	}
}

// remember keeps in mind that an answer, which is in the log, may be withdrawn; or it
// withdraws it, if that was decided before the answer was logged.
func (r *runner) remember(ctx context.Context, t attempt, a provider.Answer) {
	if !a.Provisional {
		return
	}
	key := asking{t.narrative, t.repeat}
	r.mu.Lock()
	early := r.early[key]
	if delete(r.early, key); !early {
		r.provisional[key] = t
	}
	r.mu.Unlock()
	if early {
		r.withdraw(ctx, t)
	}
}

// recall returns the attempt with the answer that is withdrawn; false: it is not in the
// log yet, and is to be withdrawn as soon as it is.
func (r *runner) recall(key asking) (attempt, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, known := r.provisional[key]
	delete(r.provisional, key)
	if !known {
		r.early[key] = true
	}
	return t, known
}

// withdraw takes an answer back and puts its question among those to be asked again.
func (r *runner) withdraw(ctx context.Context, t attempt) {
	err := r.keep(ctx, event.CallWithdrawn{
		Call: t.call, Attempt: t.number, Experiment: r.experiment, Narrative: t.narrative, Repeat: t.repeat, Withdrawn: time.Now().UTC(),
	})
	if err != nil {
		r.fail(err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := asking{t.narrative, t.repeat}
	past := r.asked[key]
	past.Attempts, past.Finished, past.Outcome = t.number, false, event.ResultNotRun
	r.asked[key] = past
	r.again = append(r.again, t.question)
	r.report.Done--
	r.report.Asked--
	r.tell()
}

// takeAgain returns the questions whose answers were withdrawn.
func (r *runner) takeAgain() []question {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Clone(r.again)
	r.again = nil
	return list
}
