package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/query"
)

// benchmark is an experiment of the configuration.
type benchmark struct {
	config.Experiment
	set        *hub.Set  // shared with others over the same narratives
	definition uuid.UUID // zero: it is not known yet
	past       past      // before this run
}

// prepare reads all that the experiments need, and reports all that is wrong with it.
// Of what it has read it keeps the narratives alone: recordings are read again when
// their turn comes. An experiment that repeats an earlier one of the file is planned then.
func (r *hubRun) prepare(ctx context.Context, conf config.Config, limit int) error {
	voice := newHubVoice(r.c, "")
	defer voice.end()
	sets := newNarrativeSets()
	var faults []error
	for _, e := range conf.Experiments {
		if limit > 0 {
			e.Limit = limit
		}
		voice.do("reading %s", e.Narratives)
		set, known, err := sets.get(e)
		if !known {
			faults = append(faults, err)
		}
		b := &benchmark{Experiment: e, set: set}
		before := slices.ContainsFunc(r.benchmarks, func(b *benchmark) bool { return b.Name == e.ReplayExperiment })
		r.benchmarks = append(r.benchmarks, b)
		if err == nil && !before {
			voice.do("checking %s", e.Name)
			faults = append(faults, r.define(ctx, b))
		}
	}
	voice.clear()
	r.tellChoices(sets)
	return errors.Join(faults...)
}

// tellChoices says what the configuration left open, and how it was decided.
func (r *hubRun) tellChoices(sets *narrativeSets) {
	for _, line := range sets.columns {
		fmt.Fprintln(r.c.err, printable(line))
	}
	for _, b := range r.benchmarks {
		if b.PromptIsTemplate {
			r.c.note("%s: its prompt has a placeholder, so it is sent as the user message, with the narrative inserted, and no system message is sent", b.Name)
		}
		if b.PromptLiteral != "" {
			r.c.note("%s: %s in its prompt is sent as it is; the narrative is inserted at {{text}}", b.Name, b.PromptLiteral)
		}
	}
}

// define finds out the definition of an experiment, unless it is known.
func (r *hubRun) define(ctx context.Context, b *benchmark) error {
	if b.definition != uuid.Nil {
		return nil
	}
	plan, err := r.plan(ctx, b)
	if err != nil {
		return err
	}
	b.definition = plan.Definition()
	return plan.Close()
}

// plan makes the plan of an experiment, which is to be closed.
func (r *hubRun) plan(ctx context.Context, b *benchmark) (hub.Plan, error) {
	recording, err := r.recording(ctx, b.ReplayExperiment)
	if err != nil {
		return hub.Plan{}, fmt.Errorf("%s:%d: %w", r.path, b.Line, err)
	}
	p, err := hub.OpenProvider(b.Experiment, recording)
	if err != nil {
		return hub.Plan{}, fmt.Errorf("%s:%d: %w", r.path, b.Line, err)
	}
	plan, err := hub.NewPlan(b.Experiment, b.set, p)
	if err != nil {
		return hub.Plan{}, errors.Join(err, p.Close())
	}
	return plan, nil
}

// recording returns the answers of the latest experiment with a name; nil for no name.
func (r *hubRun) recording(ctx context.Context, name string) (*hub.Recording, error) {
	if name == "" {
		return nil, nil
	}
	missing := fmt.Errorf("replay_experiment: the log has no experiment %q", name)
	var rec hub.Recording
	err := readHub(ctx, r.log, func(h *query.Hub) error {
		e, err := h.Experiment(ctx, name)
		if errors.Is(err, query.ErrNoExperiment) {
			return missing
		}
		if err != nil {
			return err
		}
		rec.Source = "experiment " + e.UUID.String()
		for res, err := range h.Results(ctx, e.ID) {
			if err != nil {
				return err
			}
			rec.Add(res)
		}
		return nil
	})
	if err == nil && rec.Source == "" {
		err = missing
	}
	return &rec, err
}

// past is what the log knows of a definition.
type past struct {
	open     uuid.UUID // the experiment to go on with; zero: there is none
	finished bool      // there is one that is finished
}

func (r *hubRun) past(ctx context.Context, h *query.Hub, definition uuid.UUID) (past, error) {
	var p past
	for e, err := range h.Experiments(ctx) {
		if err != nil {
			return p, err
		}
		if e.Definition != definition {
			continue
		}
		finished := e.Status == string(event.StopFinished)
		p.finished = p.finished || finished
		if !r.anew && (!finished || r.retryErrors && e.Outcomes[event.ResultError] > 0 && e.Provider != config.ProviderReplay) {
			p.open = e.UUID
		}
	}
	return p, nil
}

// work picks the experiments that are to be run: all, or, where some are finished and
// others are not, those others.
func (r *hubRun) work(ctx context.Context) ([]*benchmark, error) {
	var open, finished, fresh int
	err := readHub(ctx, r.log, func(h *query.Hub) error {
		for _, b := range r.benchmarks {
			if b.definition == uuid.Nil {
				continue
			}
			p, err := r.past(ctx, h, b.definition)
			if err != nil {
				return err
			}
			b.past = p
			switch {
			case p.open != uuid.Nil:
				open++
			case p.finished:
				finished++
			default:
				fresh++
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case r.retryErrors && open == 0 && r.onlyReplays():
		return nil, fmt.Errorf("nothing to ask again: a replay has the replies of its recording and no others; add what is missing to the recording, and run %s without --retry-errors", r.path)
	case r.retryErrors && open == 0:
		return nil, fmt.Errorf("nothing to ask again: every question of %s has an answer, or was never asked; leave --retry-errors out to ask it", r.path)
	case r.resume && open == 0 && (finished == 0 || fresh == 0):
		return nil, fmt.Errorf("nothing to resume: no experiment of %s is unfinished; leave --resume out to start anew", r.path)
	case r.anew || open+fresh == 0:
		return r.benchmarks, nil
	}
	var work []*benchmark
	for _, b := range r.benchmarks {
		switch {
		case b.past.open == uuid.Nil && b.past.finished:
			r.c.note("%s is finished; --new runs it again", b.Name)
		case b.past.open == uuid.Nil && r.retryErrors:
		default:
			work = append(work, b)
		}
	}
	return work, nil
}

// onlyReplays reports whether all experiments are replays.
func (r *hubRun) onlyReplays() bool {
	return !slices.ContainsFunc(r.benchmarks, func(b *benchmark) bool { return b.Provider != config.ProviderReplay })
}

// estimate says how much would be asked.
func (r *hubRun) estimate(ctx context.Context) error {
	work, err := r.work(ctx)
	if err != nil {
		return err
	}
	for _, b := range work {
		text := "nobody is called: it repeats answers of " + printable(b.ReplayExperiment)
		if b.definition != uuid.Nil {
			if text, err = r.estimateOf(ctx, b); err != nil {
				return err
			}
		}
		if err := r.c.printf("%s: %s\n", printable(b.Name), text); err != nil {
			return err
		}
	}
	return nil
}

func (r *hubRun) estimateOf(ctx context.Context, b *benchmark) (string, error) {
	o, err := r.options(ctx, b)
	if err != nil {
		return "", err
	}
	plan, err := r.plan(ctx, b)
	if err != nil {
		return "", err
	}
	return estimateText(plan.Estimate(o), o.Resume), plan.Close()
}

func estimateText(e hub.Estimate, resumed uuid.UUID) string {
	text := plural(int64(e.Calls), "call")
	if resumed != uuid.Nil {
		text += " left"
	}
	text += fmt.Sprintf(", about %d input tokens", e.InputTokens)
	if e.MostOutputTokens != nil {
		text += fmt.Sprintf(", at most %d output tokens", *e.MostOutputTokens)
	}
	switch {
	case e.InputCost == nil:
		text += "; cost unknown: no prices are configured"
	case e.MostOutputCost == nil:
		text += fmt.Sprintf("; cost about %s for the input, unknown for the output: there is no max_tokens", dollars(*e.InputCost))
	default:
		text += fmt.Sprintf("; cost about %s for the input, at most %s for the output", dollars(*e.InputCost), dollars(*e.MostOutputCost))
	}
	return text
}
