// Package hub runs benchmarks of language models: it asks a provider about each
// narrative of a set and keeps every answer the moment it has it.
//
// A [Plan] says what is asked: it is made from a configuration and narratives, by
// itself, and has a definition by which the same questions are known again.
// [Plan.Run] asks them. All that it learns goes to an [Appender] as facts:
//
//	prompt, narratives, set, experiment defined   once, when the experiment is new
//	experiment started                            by each run
//	  call started                                durable before the question leaves
//	  call finished, result parsed                together, when an answer or an error is there
//	  call withdrawn                              when an answer turned out to be another question's
//	experiment stopped                            by each run that was not killed
//
// So an experiment can be killed at any moment and be resumed: a question whose
// answer is in the log is never asked again, and a call that was started and never
// finished is asked again and remains in the log as one that may have been billed.
//
// A question is tried again where the provider says that this can help: after a time
// that grows twofold, of which a random part is waited (full jitter), and not before
// the server wants it. Where a server says that calls come too fast, half as many are
// made at the same time, and then slowly more again. After so many questions in a
// row without an answer, and after an error that no other call will escape, the run
// stops.
//
// The package does not know where facts are kept, and does not read the view: how far
// an experiment is comes in with the [Options].
package hub

import (
	"context"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/provider"
)

// Appender keeps facts: all of them or none, durable when it returns. Facts that it
// has already are dropped.
type Appender interface {
	Append(ctx context.Context, facts ...event.Fact) error
}

// Provider is who is asked; see package provider for what the methods promise.
type Provider interface {
	Answer(ctx context.Context, r provider.Request) (provider.Answer, error)
	Identity(r provider.Request) []byte
	Close() error
}

// fact is what package event can turn into a fact.
type fact interface {
	Fact() (event.Fact, error)
}

// encode turns facts into what is appended.
func encode(list ...fact) ([]event.Fact, error) {
	facts := make([]event.Fact, len(list))
	for i, f := range list {
		var err error
		if facts[i], err = f.Fact(); err != nil {
			return nil, err
		}
	}
	return facts, nil
}
