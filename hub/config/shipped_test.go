package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/explog/explog/hub/narrative"
)

const shipped = "../../config/experiments.yml"

// nothing is an environment without variables: what ships needs none.
func nothing(string) (string, bool) { return "", false }

func TestTheShippedConfigurationRunsOffline(t *testing.T) {
	c, err := Load(shipped, Options{LookupEnv: nothing})
	if err != nil {
		t.Fatal(err)
	}
	prompts := make(map[string]bool)
	for _, e := range c.Experiments {
		if e.Provider != ProviderRules || len(e.Rules) == 0 || e.Author != "Andrea" {
			t.Errorf("%s: provider %s, author %s, %d bytes of rules", e.Name, e.Provider, e.Author, len(e.Rules))
		}
		for _, field := range []string{"detected", "confidence", "indicators", "rationale", "reasoning_steps"} {
			if !strings.Contains(e.Prompt, `"`+field+`"`) {
				t.Errorf("%s does not ask for %s", e.PromptFile, field)
			}
		}
		prompts[e.Prompt] = true
	}
	if len(c.Experiments) != 2 || len(prompts) != 2 {
		t.Errorf("%d experiments with %d prompts, want two with two", len(c.Experiments), len(prompts))
	}
}

// The examples in the comments of the shipped file are configurations, too.
func TestTheShippedExamplesHold(t *testing.T) {
	data, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^  # ?((- |  )[a-z_]+:.*)$`).ReplaceAllString(string(data), "  $1")
	text = strings.Replace(text, "python3", "sh", 1) // which there is everywhere
	r := newReader(filepath.Dir(shipped), func(name string) (string, bool) { return "x-" + name, true })
	drafts := r.parse([]byte(text), "")
	for _, d := range drafts {
		d.complete("")
	}
	if err := r.faults.err(shipped); err != nil {
		t.Fatal(err)
	}
	var providers []string
	for _, d := range drafts {
		providers = append(providers, d.Provider)
	}
	if got := strings.Join(providers, " "); got != "rules rules openai anthropic openai command replay" {
		t.Errorf("the providers are %s", got)
	}
}

func TestTheShippedNarratives(t *testing.T) {
	set, err := narrative.Read("../../data/samples/narratives.csv", narrative.Columns{})
	if err != nil {
		t.Fatal(err)
	}
	var yes, no, open, quoted, broken, short int
	for _, n := range set.Narratives {
		switch {
		case n.Flag == nil:
			open++
		case *n.Flag:
			yes++
		default:
			no++
		}
		if strings.Contains(n.Text, `"`) {
			quoted++
		}
		if strings.Contains(n.Text, "\n") {
			broken++
		}
		if len(n.Text) < 20 {
			short++
		}
	}
	if yes < 20 || no < 20 || open < 2 || quoted < 5 || broken < 2 || short < 1 {
		t.Errorf("%d yes, %d no, %d open; %d with quotes, %d over several lines, %d as good as empty", yes, no, open, quoted, broken, short)
	}
}
