package hub

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/narrative"
	"github.com/explog/explog/hub/provider"
	"github.com/explog/explog/hub/reply"
)

// Plan is an experiment that can be run: what is asked, and how fast.
type Plan struct {
	definition event.ExperimentDefined // without ID and Defined, which a run gives
	facts      []event.Fact            // that the definition refers to
	config     config.Experiment
	provider   Provider
	parser     *reply.Parser
	narratives []narrative.Narrative
}

// NewPlan makes the plan of an experiment over the narratives of its file.
func NewPlan(e config.Experiment, set narrative.Set, p Provider) (Plan, error) {
	if e.Limit > 0 {
		set.Narratives = set.Narratives[:min(e.Limit, len(set.Narratives))]
	}
	parameters, err := json.Marshal(newParameters(e, p))
	if err != nil {
		return Plan{}, fmt.Errorf("hub: encode the parameters of %s: %w", e.Name, err)
	}
	parser := &reply.Parser{Positive: e.Positive, Negative: e.Negative, ThinkTags: e.ThinkTags}
	plan := Plan{config: e, provider: p, parser: parser, narratives: set.Narratives, definition: event.ExperimentDefined{
		Name: e.Name, Author: e.Author, Provider: e.Provider, Model: e.Model, Repeats: e.Repeats,
		Parameters: parameters, InputPrice: e.InputPrice, OutputPrice: e.OutputPrice,
	}}
	if err := plan.refer(set.Label); err != nil {
		return Plan{}, err
	}
	plan.definition.Definition = plan.definition.DefinitionKey()
	return plan, nil
}

// refer makes the facts that the definition refers to.
func (p *Plan) refer(label string) error {
	prompt := event.Prompt{Text: p.config.Prompt}
	set := event.NarrativeSet{Label: label}
	list := []fact{prompt}
	known := make(map[string]bool, len(p.narratives)) // texts may repeat
	for _, n := range p.narratives {
		text := event.Narrative{Text: n.Text}
		if !known[n.Text] {
			known[n.Text] = true
			list = append(list, text)
		}
		set.Narratives = append(set.Narratives, event.Labelled{ID: n.ID, Text: text.Key(), Flag: n.Flag})
	}
	var err error
	if p.facts, err = encode(append(list, set)...); err != nil {
		return err
	}
	p.definition.Prompt, p.definition.Set = prompt.Key(), p.facts[len(p.facts)-1].ID
	return nil
}

// Name is the experiment's.
func (p Plan) Name() string { return p.config.Name }

// Close closes the provider.
func (p Plan) Close() error { return p.provider.Close() }

// Definition is the key that two experiments share which ask the same of the same.
func (p Plan) Definition() uuid.UUID { return p.definition.Definition }

// define returns the facts of a new experiment.
func (p Plan) define(id uuid.UUID) ([]event.Fact, error) {
	d := p.definition
	d.ID, d.Defined = id, time.Now().UTC()
	fact, err := d.Fact()
	return append(p.facts[:len(p.facts):len(p.facts)], fact), err
}

// question is one narrative, to be asked about once.
type question struct {
	narrative string // its id
	repeat    int    // from 0
	text      string
}

// questions yields what is asked, each narrative once before any is asked again. A
// narrative without a text is left out: there is nothing to judge.
func (p Plan) questions() iter.Seq[question] {
	return func(yield func(question) bool) {
		for repeat := range p.config.Repeats {
			for _, n := range p.narratives {
				if n.Text != "" && !yield(question{n.ID, repeat, n.Text}) {
					return
				}
			}
		}
	}
}

// parameters are what decides the answers beside prompt, set, provider and model.
// Their JSON is part of the definition: the order of the fields is fixed.
type parameters struct {
	Temperature *float64           `json:"temperature,omitempty"`
	MaxTokens   *int               `json:"max_tokens,omitempty"`
	Seed        *int64             `json:"seed,omitempty"`
	BaseURL     string             `json:"base_url,omitzero"`
	Rules       string             `json:"rules,omitzero"` // the file's text
	Command     *commandParameters `json:"command,omitempty"`
	Recording   json.RawMessage    `json:"recording,omitempty"`
	// Those of a command are in Command, where they have always been.
	Positive       []string `json:"positive,omitempty"`
	Negative       []string `json:"negative,omitempty"`
	ThinkTags      []string `json:"think_tags,omitempty"`
	ResponseFormat string   `json:"response_format,omitzero"` // empty: schema
}

type commandParameters struct {
	Args     []string `json:"args"`
	Mode     string   `json:"mode"`
	Input    string   `json:"input"`
	Positive []string `json:"positive,omitempty"`
	Negative []string `json:"negative,omitempty"`
}

func newParameters(e config.Experiment, p Provider) parameters {
	all := parameters{Temperature: e.Temperature, MaxTokens: e.MaxTokens, Seed: e.Seed, ThinkTags: e.ThinkTags}
	if e.Provider != config.ProviderCommand {
		all.Positive, all.Negative = e.Positive, e.Negative
	}
	switch e.Provider {
	case config.ProviderRules:
		all.Rules = string(e.Rules)
	case config.ProviderCommand:
		c := e.Command
		all.Command = &commandParameters{c.Args, c.Mode, c.Input, e.Positive, e.Negative}
	case config.ProviderReplay:
		all.Recording = p.Identity(provider.Request{}) // the same, whatever is asked
	case config.ProviderOpenAI, config.ProviderAnthropic:
		all.BaseURL = e.BaseURL
		if e.ResponseFormat != string(provider.FormatSchema) {
			all.ResponseFormat = e.ResponseFormat
		}
	}
	return all
}
