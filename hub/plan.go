package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/provider"
	"github.com/explog/explog/hub/reply"
)

// Plan is an experiment that can be run: what is asked, and how fast.
type Plan struct {
	definition event.ExperimentDefined // without ID and Defined, which a run gives
	prompts    []event.Fact            // that the definition refers to
	config     config.Experiment
	template   event.Template
	provider   Provider
	set        *Set
	parser     *reply.Parser
}

// NewPlan makes the plan of an experiment over a set, of which the experiment's limit
// has been taken.
func NewPlan(e config.Experiment, set *Set, p Provider) (Plan, error) {
	parameters, err := json.Marshal(newParameters(e, p))
	if err != nil {
		return Plan{}, fmt.Errorf("hub: encode the parameters of %s: %w", e.Name, err)
	}
	parser := &reply.Parser{Positive: e.Positive, Negative: e.Negative, ThinkTags: e.ThinkTags}
	plan := Plan{config: e, provider: p, parser: parser, set: set, definition: event.ExperimentDefined{
		Name: e.Name, Author: e.Author, Provider: e.Provider, Model: e.Model, Repeats: e.Repeats, Set: set.key,
		Parameters: parameters, InputPrice: e.InputPrice, OutputPrice: e.OutputPrice, Notes: e.Notes, PromptVersion: e.PromptVersion,
	}}
	if err := plan.refer(); err != nil {
		return Plan{}, err
	}
	plan.definition.Definition = plan.definition.DefinitionKey()
	return plan, nil
}

// refer makes the facts of the prompts that the definition refers to. Without a system
// message, the template is the prompt.
func (p *Plan) refer() error {
	system := event.Prompt{Text: cmp.Or(p.config.Prompt, p.config.UserTemplate)}
	list := []fact{system}
	p.definition.Prompt = system.Key()
	if text := p.config.UserTemplate; text != "" {
		var ok bool
		if p.template, ok = event.ParseTemplate(text); !ok {
			return fmt.Errorf("hub: the user template of %s has not exactly one {{text}}", p.config.Name)
		}
		template := event.Prompt{Text: text}
		p.definition.Template = template.Key()
		list = append(list, template)
	}
	var err error
	p.prompts, err = encode(list...)
	return err
}

// Name is the experiment's.
func (p Plan) Name() string { return p.config.Name }

// Close closes the provider.
func (p Plan) Close() error { return p.provider.Close() }

// Definition is the key that two experiments share which ask the same of the same.
func (p Plan) Definition() uuid.UUID { return p.definition.Definition }

// define returns the facts of a new experiment. Most of those of a large set it appends
// itself.
func (p Plan) define(ctx context.Context, id uuid.UUID, log Appender) ([]event.Fact, error) {
	d := p.definition
	d.ID, d.Defined = id, time.Now().UTC()
	facts, err := p.set.log(ctx, log, slices.Clone(p.prompts))
	if err != nil {
		return nil, err
	}
	fact, err := d.Fact()
	return append(facts, fact), err
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
			for _, n := range p.set.narratives {
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
