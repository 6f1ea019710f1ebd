package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// loadPrompt loads the sound experiment with a prompt, and a template if it is not empty,
// in files.
func loadPrompt(t *testing.T, prompt, template, lines string) (Experiment, error) {
	t.Helper()
	dir := folder(t)
	text := sound + lines
	if template != "" {
		text += "  user_template_file: t.txt\n"
	}
	for name, content := range map[string]string{"p.txt": prompt, "t.txt": template, "e.yml": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(filepath.Join(dir, "e.yml"), Options{LookupEnv: environment})
	if err != nil {
		return Experiment{}, errors.New(strings.ReplaceAll(err.Error(), dir, "DIR"))
	}
	return c.Experiments[0], nil
}

func TestWhatPromptsBecome(t *testing.T) {
	const json = "Answer { \"text\": \"…\", \"a\": {\"b\": {}} }."
	for _, tc := range []struct {
		name, prompt, template, system, user string
		isTemplate                           bool
	}{
		{"no template", "Is it?", "", "Is it?", "", false},
		{"JSON is no placeholder", json, "", json, "", false},
		{"a template", "You judge.", "Read: {{text}}\n" + json, "You judge.", "Read: {{text}}\n" + json, false},
		{"another spelling", "You judge.", "Read: <<TEXT>>.", "You judge.", "Read: <<TEXT>>.", false},
		{"the narrative alone", "You judge.", "{{text}}", "You judge.", "", false},
		{"a prompt with a placeholder", "Read {narrative}!", "", "", "Read {narrative}!", true},
	} {
		e, err := loadPrompt(t, tc.prompt, tc.template, "")
		if err != nil || e.Prompt != tc.system || e.UserTemplate != tc.user || e.PromptIsTemplate != tc.isTemplate {
			t.Errorf("%s: system %q, user %q, %v, %v", tc.name, e.Prompt, e.UserTemplate, e.PromptIsTemplate, err)
		}
	}
}

// What other programs insert the narrative at is sent as it is, which is to be said.
func TestPlaceholdersOfOtherPrograms(t *testing.T) {
	for _, tc := range []struct{ prompt, template, want string }{
		{"Judge {TEXT} now", "", "{TEXT}"},
		{"Judge [NARRATIVE]", "", "[NARRATIVE]"},
		{"Judge.", "{{text}} and {Narrative_Text}", "{Narrative_Text}"},
		{"Judge <NARRATIVE>.", "a {{text}}", "<NARRATIVE>"},
		{"It is in <TEXT></TEXT>.", "<TEXT>{{text}}</TEXT>", ""},
		{"It is in <<<TEXT>>>.", "<<<TEXT>>>{text}<<<END>>>", ""},
		{"Read {narrative}", "", ""},
		{`Answer {"text": 1} or { text } as in [1] and {result}.`, "", ""},
	} {
		e, err := loadPrompt(t, tc.prompt, tc.template, "")
		if err != nil || e.PromptLiteral != tc.want {
			t.Errorf("%s, %s: %q %v", tc.prompt, tc.template, e.PromptLiteral, err)
		}
	}
}

func TestFaultsOfPrompts(t *testing.T) {
	const template = "DIR/e.yml:7:23: user_template_file: DIR/t.txt:"
	const system = "DIR/e.yml:2:16: prompt_file: DIR/p.txt:"
	for _, tc := range []struct {
		name, prompt, template string
		want                   []string
	}{
		{"no placeholder", "p", "Read.", []string{"DIR/e.yml:7:23: user_template_file: there is no {{text}} for the narrative"}},
		{"another program's placeholder", "p", "Read {case_text}.", []string{`there is no {{text}} for the narrative; should it be in the place of "{case_text}"?`}},
		{"an unknown one", "p", "Read {{text}}\nfor é {{name}}.", []string{template + `2:7: unknown placeholder "{{name}}"; the narrative is inserted at {{text}}`}},
		{"a misspelt one", "p", "Read << narrative >>", []string{template + `1:6: unknown placeholder "<< narrative >>"; the narrative is inserted at {{text}}; did you mean {{text}}?`}},
		{"two", "p", "{{text}}\n{text}", []string{template + `2:1: a second placeholder for the narrative, "{text}"; want exactly one`}},
		{"JSON of a Python template", "p", "{text} {{\"detected\": true}}", []string{template + `1:8: unknown placeholder "{{\"detected\": true}}"; the narrative is inserted at {{text}}; write JSON with single braces`}},
		{"beside a template", "a {{text}}\n{{b}}", "{{text}}.", []string{
			system + `1:3: the placeholder "{{text}}" in the system message: the narrative is inserted in the user_template alone`, system + `2:1: unknown placeholder "{{b}}"`,
		}},
		{"without a template", "a {{b}} <<c>>", "", []string{system + `1:3: unknown placeholder "{{b}}"`, system + `1:9: unknown placeholder "<<c>>"`}},
		{"two without a template", "{text}{text}", "", []string{system + `1:7: a second placeholder`}},
	} {
		_, err := loadPrompt(t, tc.prompt, tc.template, "")
		if err == nil {
			t.Errorf("%s: no fault", tc.name)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(tc.want) {
			t.Errorf("%s: want %d faults, got\n%v", tc.name, len(tc.want), err)
			continue
		}
		for i, want := range tc.want {
			if !strings.Contains(lines[i], want) {
				t.Errorf("%s:\ngot  %s\nwant %s", tc.name, lines[i], want)
			}
		}
	}
}

// However YAML has it, the place of a placeholder is that in the file.
func TestPlacesInTheConfiguration(t *testing.T) {
	for lines, want := range map[string]string{
		"  user_template: '{{text}} {{a}}'":                                "7:28:",
		"  user_template: |\n    Read é\n    it: {{text}} {{a}}\n":         "9:18:",
		"  user_template: >-\n    {{text}}\n    more {{a}}\n":              "9:10:",
		"  user_template: \"{{text}}\\\n    é {{a}}\"":                     "8:7:",
		"  user_template: |\n    {{text}}\n    {{\n      \"b\": 1\n    }}": "9:5:",
		"  user_template: '{{text}} {{a}}' # {{a}}":                        "7:28:",
		"  user_template: '{{a}} {{a}} {{text}}'":                          "7:19:",
		"  user_template: '{{text}}${NAME}{{a}}'":                          "7:34:",
		"  notes: '{{a}}'\n  user_template: '{{text}}{{a}}'":               "8:27:",
	} {
		_, err := load(t, sound+lines+"\n", Options{})
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v", lines, err)
			continue
		}
		if first := strings.TrimPrefix(err.Error(), invalid.Path+":"); !strings.HasPrefix(first, want+" user_template: unknown placeholder") {
			t.Errorf("%s:\ngot  %s\nwant %s", lines, first, want)
		}
	}
}

func TestPromptsInTheConfiguration(t *testing.T) {
	without := strings.Replace(sound, "  prompt_file: p.txt\n", "", 1)
	c, err := load(t, without+"  prompt: |\n    You judge.\n  user_template: |\n    Read {{text}}\n    now.\n  notes: \"a\\nb\"\n  prompt_version: v0.3\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Experiments[0]; e.Prompt != "You judge.\n" || e.UserTemplate != "Read {{text}}\nnow.\n" || e.Notes != "a\nb" || e.PromptVersion != "v0.3" || e.PromptFile != "" {
		t.Errorf("%+v", e)
	}
	// What an experiment has itself takes the place of a default, of the other key too.
	c, err = load(t, "defaults: {prompt_file: p.txt, user_template: 'A {{text}}'}\nexperiments:\n"+without+"  prompt: x\n  user_template_file: p2.txt\n", Options{})
	if err == nil || !strings.Contains(err.Error(), "user_template_file: there is no file") || strings.Contains(err.Error(), "both") {
		t.Errorf("%+v %v", c, err)
	}
	for lines, want := range map[string]string{
		"  prompt: x\n": ":7:11: prompt: both prompt and prompt_file are set; delete one of them",
		"  user_template: 'x {{text}}'\n  user_template_file: p.txt\n": ":7:18: user_template: both user_template and user_template_file are set",
		"  user_template: ''\n":   ":7:18: user_template: want a text, got a blank one",
		"  user_template: [a]\n":  ":7:18: user_template: want a text, got a list",
		"  prompt_version: 3\n":   ":7:19: prompt_version: want a text, got the number 3",
		"  id_column: [a, [b]]\n": ":7:18: id_column: want a text, got a list",
		"  id_column: []\n":       ":7:14: id_column: want a list such as [a, b], got a list",
	} {
		_, err := load(t, sound+lines, Options{})
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Faults) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", lines, err)
		}
	}
	if e := one(t, "  id_column: [a, b]\n"); !slices.Equal(e.Columns.ID, []string{"a", "b"}) {
		t.Errorf("%v", e.Columns)
	}
}

func TestPathsStartAtTheFolderOrItsParent(t *testing.T) {
	dir := folder(t) // has the files
	for _, sub := range []string{"configs", "configs/prompts"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "configs", "e.yml")
	for name, content := range map[string]string{"configs/e.yml": sound, "configs/n.csv": "id,text\nB,x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Experiments[0]; e.PromptFile != filepath.Join(dir, "p.txt") || e.Narratives != filepath.Join(dir, "configs", "n.csv") {
		t.Errorf("prompt %s, narratives %s", e.PromptFile, e.Narratives)
	}
	if err := os.Remove(filepath.Join(dir, "p.txt")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, Options{}); err == nil || !strings.Contains(err.Error(), "there is no file "+filepath.Join(dir, "configs", "p.txt")) {
		t.Error(err)
	}
}
