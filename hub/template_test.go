package hub

import (
	"slices"
	"testing"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/narrative"
	"github.com/explog/explog/hub/provider"
)

// What the log has of a definition is enough to say again what was sent.
func TestTheLogReproducesWhatWasSent(t *testing.T) {
	for name, tc := range map[string]struct {
		system, template string
		texts            []string // of prompts in the log
	}{
		"a prompt alone":         {"You judge.", "", []string{"You judge."}},
		"a prompt, a template":   {"You judge.", "Read: <<TEXT>>\nAnswer { \"text\": 1 }.", []string{"You judge.", "Read: <<TEXT>>\nAnswer { \"text\": 1 }."}},
		"a template, no message": {"", "Read: {text}.", []string{"Read: {text}."}},
	} {
		var sent []provider.Request
		o := &oracle{say: func(_ int, r provider.Request) (provider.Answer, error) {
			sent = append(sent, r)
			return answered("yes"), nil
		}}
		log, _ := run(t, planOf(t, 2, o, func(e *config.Experiment) { e.Prompt, e.UserTemplate = tc.system, tc.template }), Options{})
		prompts := make(map[string]string)
		var texts []string
		for _, p := range of[event.Prompt](t, log, event.TypePrompt) {
			prompts[p.Key().String()] = p.Text
			texts = append(texts, p.Text)
		}
		if !slices.Equal(texts, tc.texts) {
			t.Errorf("%s: the log has the prompts %q", name, texts)
		}
		d := of[event.ExperimentDefined](t, log, event.TypeExperimentDefined)[0]
		system := prompts[d.Prompt.String()]
		if d.Template == d.Prompt {
			system = ""
		}
		template, _ := event.ParseTemplate(prompts[d.Template.String()])
		for _, r := range sent {
			message := r.Message
			if message == "" {
				message = r.Narrative
			}
			if r.Prompt != system || message != template.Message(r.Narrative) {
				t.Errorf("%s: sent %q and %q; the log says %q and %q", name, r.Prompt, message, system, template.Message(r.Narrative))
			}
		}
		if len(sent) != 2 {
			t.Errorf("%s: %d calls", name, len(sent))
		}
	}
}

func TestATemplateWithoutAPlaceIsRefused(t *testing.T) {
	set, err := NewSet(narrative.Set{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPlan(config.Experiment{UserTemplate: "no place"}, set, &oracle{}); err == nil {
		t.Error("no error")
	}
}

// A set that is shared is logged once, in parts if it is large; the definitions of both
// experiments refer to it.
func TestASharedSetIsLoggedOnce(t *testing.T) {
	const narratives = 3
	large := string(make([]byte, batchBytes/2))
	list := narrative.Set{Label: "flag"}
	for _, id := range []string{"a", "b", "c", "d"} {
		list.Narratives = append(list.Narratives, narrative.Narrative{ID: id, Text: large + id})
	}
	list.Narratives[3].Text = list.Narratives[0].Text // no text of its own
	set, err := NewSet(list, 0)
	if err != nil {
		t.Fatal(err)
	}
	log := &memory{}
	var facts []int
	for _, name := range []string{"one", "two"} {
		e := config.Experiment{Name: name, Prompt: "p", Repeats: 1, Concurrency: 1, Provider: config.ProviderReplay}
		p, err := NewPlan(e, set, &oracle{say: yes})
		if err != nil {
			t.Fatal(err)
		}
		before := log.appends
		if _, err := p.Run(t.Context(), Options{Log: log}); err != nil {
			t.Fatal(err)
		}
		facts = append(facts, log.appends-before)
	}
	if n := len(of[event.Narrative](t, log, event.TypeNarrative)); n != narratives {
		t.Errorf("%d narratives in the log", n)
	}
	if facts[0] <= facts[1] {
		t.Errorf("the first experiment appended %d times, the second %d times", facts[0], facts[1])
	}
	for _, d := range of[event.ExperimentDefined](t, log, event.TypeExperimentDefined) {
		if key, err := of[event.NarrativeSet](t, log, event.TypeNarrativeSet)[0].Key(); err != nil || d.Set != key {
			t.Errorf("%s runs over %v, not %v; %v", d.Name, d.Set, key, err)
		}
	}
}
