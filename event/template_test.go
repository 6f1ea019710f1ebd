package event

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlaceholders(t *testing.T) {
	for prompt, want := range map[string]string{
		"":                                "",
		"Narrative: {{text}}\nAnswer.":    "11:{{text}}+",
		"Narrative: <<TEXT>>\nAnswer.":    "11:<<TEXT>>+",
		"Narrative: {narrative}":          "11:{narrative}+",
		"Narrative: {text}":               "11:{text}+",
		"<{text}>":                        "1:{text}+",
		"[{{text}}]":                      "1:{{text}}+",
		"{{text}} and {text}":             "0:{{text}}+ 13:{text}+",
		"<<TEXT>>{narrative}":             "0:<<TEXT>>+ 8:{narrative}+",
		"{{name}}":                        "0:{{name}}-",
		"{{ text }}":                      "0:{{ text }}-",
		"{{narrative}}":                   "0:{{narrative}}-",
		"{{{text}}}":                      "0:{{{text}}}-",
		"{{text}":                         "0:{{text}-",
		"{{text} {x}":                     "0:{{text}-",
		"<<NAME>>":                        "0:<<NAME>>-",
		"<<text>>":                        "0:<<text>>-",
		"<< a > b":                        "",
		"<<\nTEXT\n>>":                    "",
		"a << 2, b >> 1":                  "2:<< 2, b >>-",
		"<<>> << >> >><<":                 "",
		"between <<< and >>>":             "",
		"<<<{text}>>>":                    "3:{text}+",
		"<<<\n{{text}}\n>>>":              "4:{{text}}+",
		"<<<<<< old >>>>>> new":           "",
		"<TEXT> <<TEXT> <TEXT>>":          "",
		`{ "text": "…" }`:                 "",
		`{"text": {"narrative": 1}}`:      "",
		`{"a":{"b":{"text":{}}}} {"x":1}`: "",
		`{"text"}{ text }{Text}{TEXT}`:    "",
		"{{\n  \"detected\": true\n}}":    "0:{{\n  \"detected\": true\n}}-",
		`{{"text": "{text}"}}`:            `0:{{"text": "{text}"}}-`,
		"{{ never closed":                 "",
		"{% if x %}{# y #}":               "",
	} {
		var got []string
		for _, p := range Placeholders(prompt) {
			sign := "-"
			if p.Known {
				sign = "+"
			}
			got = append(got, fmt.Sprintf("%d:%s%s", p.Offset, p.Token, sign))
		}
		if said := strings.Join(got, " "); said != want {
			t.Errorf("%q has %s, want %s", prompt, said, want)
		}
	}
}

func TestTheNarrativeIsInsertedAsItIs(t *testing.T) {
	template, ok := ParseTemplate("A\n{{text}}\nB")
	if !ok {
		t.Fatal("no template")
	}
	for _, text := range []string{"", "one", "{{text}}", "<<TEXT>> {text} $1 \\1 %s", "a\r\nb\x00"} {
		if got, want := template.Message(text), "A\n"+text+"\nB"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if (Template{}).Message("{{text}}") != "{{text}}" || !(Template{}).IsPlain() || template.IsPlain() || template.Size() != 4 {
		t.Error("the zero template, or the size, is wrong")
	}
	for _, text := range []string{"", "none", "{{text}}{{text}}", "{{text}} {text}", "{{x}}", "{{text}}{{x}}"} {
		if _, ok := ParseTemplate(text); ok {
			t.Errorf("%q is a template", text)
		}
	}
}

// Whatever stands around it, one placeholder is found, at its place, and the message
// has the narrative there.
func TestOnePlaceholderAmongAnything(t *testing.T) {
	known := slices.Concat(doubledPlaceholders, singlePlaceholders)
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.StringMatching(`[a-z ":,\n}\[\]]{0,40}`)
		before, after := around.Draw(t, "before"), around.Draw(t, "after")
		token := rapid.SampledFrom(known).Draw(t, "token")
		narrative := rapid.String().Draw(t, "narrative")
		template, ok := ParseTemplate(before + token + after)
		if !ok || template.Message(narrative) != before+narrative+after {
			t.Fatalf("%q: %v %q", before+token+after, ok, template.Message(narrative))
		}
	})
}

// FuzzPlaceholders: places are in order, do not overlap, and are what the prompt has there.
func FuzzPlaceholders(f *testing.F) {
	for _, seed := range []string{"{{text}}", "<<TEXT>> {text", "{{{", "<<<>>", "{{}}}<<a>>", "<<é>>{{\xff}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prompt string) {
		end := 0
		for _, p := range Placeholders(prompt) {
			if p.Offset < end || p.Token == "" || !strings.HasPrefix(prompt[p.Offset:], p.Token) {
				t.Fatalf("%q: %+v", prompt, p)
			}
			end = p.Offset + len(p.Token)
		}
	})
}
