package provider

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

const sampleRules = `
threshold: 1.0
negation:
  words: [no, not, denies, denied, without, "no evidence of", didn't]
  window: 3
keywords:
  - {term: "restraining order", weight: 1.0}
  - {term: boyfriend, weight: 0.5}
  - {term: accident, weight: -0.5}
patterns:
  - {pattern: '(?i)\bhit (by|her|him)\b', weight: 0.5, name: assault}
  - pattern: '(?i)strangl\w*'
`

func rulesOf(t *testing.T, text string) *Rules {
	t.Helper()
	r, err := ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// verdictOf parses the reply that rules give.
func verdictOf(t *testing.T, r *Rules, narrative string) verdict {
	t.Helper()
	a := mustAnswer(t, r, Request{Narrative: narrative})
	var v verdict
	if err := json.Unmarshal([]byte(a.Text), &v); err != nil || a.Finish != Complete || string(a.Raw) != a.Text {
		t.Fatalf("%v: %+v", err, a)
	}
	return v
}

func TestRulesJudge(t *testing.T) {
	r := rulesOf(t, sampleRules)
	for narrative, want := range map[string]string{ // indicators; ! where the answer is yes
		"":                                  "",
		"Nothing of the kind.":              "",
		"A restraining order was in place.": "!restraining order",
		"A RESTRAINING\n  ORDER!":           "!restraining order",
		"A restraining-order was filed.":    "!restraining order",
		"Restraining. Order followed.":      "",
		"She restrained orders.":            "",
		"His boyfriend's car.":              "boyfriend",
		"The ex-boyfriend hit her.":         "!boyfriend assault",
		"hit him and hit her":               "assault",
		"Strangled.":                        "!(?i)strangl\\w*",
		"Restraining order; an accident.":   "restraining order accident",
		// Negations.
		"There was no restraining order.":                                 "",
		"He denied that a restraining order existed.":                     "",
		"He denied again and again that a restraining order existed.":     "!restraining order",
		"No. A restraining order existed.":                                "!restraining order",
		"He said \"no.\" A restraining order existed.":                    "!restraining order",
		"Not now; restraining order exists.":                              "!restraining order",
		"There is no evidence of any other restraining order.":            "",
		"He didn't hit her.":                                              "",
		"He didn’t get any restraining order.":                            "",
		"no restraining order in 2019, but a restraining order in 2020":   "!restraining order",
		"Seen by Dr.No restraining order":                                 "",
		"The note was not strangled.":                                     "",
		"A knot: restraining order.":                                      "!restraining order",
		"denies 3.5 restraining order":                                    "",
		"A restraining order was not found.":                              "!restraining order",
		"Er schlug sie; die Freundin hit her. Ärger: restraining order 😀": "!restraining order assault",
	} {
		v := verdictOf(t, r, narrative)
		got := strings.Join(v.Indicators, " ")
		if v.Detected {
			got = "!" + got
		}
		if got != want {
			t.Errorf("%q: got %q, want %q (%s)", narrative, got, want, v.Rationale)
		}
	}
}

func TestRulesExplain(t *testing.T) {
	r := rulesOf(t, sampleRules)
	v := verdictOf(t, r, "Her boyfriend hit her twice. He hit her again. No restraining order.")
	want := verdict{true, 0.5, []string{"boyfriend", "assault"}, "score 1, threshold 1; found boyfriend (0.5), assault (0.5); negated: restraining order (1)"}
	if v.Detected != want.Detected || v.Confidence != want.Confidence || !slices.Equal(v.Indicators, want.Indicators) || v.Rationale != want.Rationale {
		t.Errorf("got %+v, want %+v", v, want)
	}
	for narrative, confidence := range map[string]float64{
		"":                             1,
		"boyfriend":                    0.667, // 1 - 0.5/1.5
		"restraining order":            0.5,
		"restraining order, strangled": 0.667, // 2/3
		"accident":                     1,     // a score below zero counts as zero
	} {
		if v := verdictOf(t, r, narrative); v.Confidence != confidence {
			t.Errorf("%q: confidence %v, want %v", narrative, v.Confidence, confidence)
		}
	}
	a := mustAnswer(t, r, Request{Narrative: "x"})
	if !strings.Contains(a.Text, `"indicators":[]`) {
		t.Errorf("without indicators: %s", a.Text)
	}
}

func TestRulesReachAThresholdThatBinaryFractionsMiss(t *testing.T) {
	r := rulesOf(t, "keywords: [{term: a, weight: 0.7}, {term: b, weight: 0.2}, {term: c, weight: 0.1}]")
	if v := verdictOf(t, r, "a b c"); !v.Detected || !strings.HasPrefix(v.Rationale, "score 1, threshold 1") {
		t.Errorf("got %+v", v)
	}
}

func TestRulesHaveDefaults(t *testing.T) {
	r := rulesOf(t, "\ufeffkeywords:\r\n  - term: fire\r\nnegation: {words: [no]}\r\n")
	if r.file.Threshold != 1 || r.file.Window != 3 || r.file.Keywords[0].Weight != 1 {
		t.Errorf("got %+v", r.file)
	}
	if v := verdictOf(t, r, "no a b fire"); v.Detected {
		t.Error("three words before are within the window")
	}
	if v := verdictOf(t, r, "no a b c fire"); !v.Detected {
		t.Error("four words before are outside the window")
	}
}

func TestRulesTakeAnchors(t *testing.T) {
	r := rulesOf(t, "negation: {words: &w [no, &d denies], window: 2}\nkeywords: [&k {term: fire}]\npatterns: [{pattern: &p 'smoke', name: *p}]\n")
	if len(r.negations) != 2 || len(r.keywords) != 1 || r.patterns[0].Name != "smoke" {
		t.Errorf("got %+v", r.file)
	}
}

func TestRulesFilesAreRefusedWithAllFaults(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"empty":              {"", "line 1, column 1: there is nothing in it"},
		"a comment":          {"# later\n", "line 1, column 1: there is nothing in it"},
		"no rules":           {"threshold: 2\n", "line 1, column 1: there are neither keywords nor patterns"},
		"empty lists":        {"keywords: []\n", "neither keywords nor patterns"},
		"null list":          {"keywords:\n", "line 1, column 10: want a list"},
		"a text":             {"fire\n", "line 1, column 1: want keywords, negation, patterns, threshold"},
		"a list":             {"- fire\n", "line 1, column 1: want keywords"},
		"unknown key":        {"keyword: [{term: x}]\nkeywords: [{term: x, wieght: 2}]\n", `line 1, column 1: unknown key "keyword"; there are keywords, negation, patterns, threshold; line 2, column 22: unknown key "wieght"; there are term, weight`},
		"key twice":          {"threshold: 1\nthreshold: 2\n", "line 2, column 1: "},
		"tab":                {"keywords:\n\t- {term: x}\n", "line 2, column 1: "},
		"unclosed":           {"keywords: [{term: x\n", "line 2, column 1: did not find expected ','"},
		"bracket too many":   {"keywords:\n}\n", "line 2, column 1: did not find expected node content"},
		"two documents":      {"keywords: [{term: x}]\n---\nkeywords: [{term: y}]\n", "line 3, column 1: a second document"},
		"not UTF-8":          {"keywords:\n  - term: \xff\n", "line 2, column 1: bytes that are not UTF-8"},
		"threshold of zero":  {"threshold: 0\nkeywords: [{term: x}]\n", "line 1, column 12: the threshold must be above 0"},
		"threshold as text":  {"threshold: high\nkeywords: [{term: x}]\n", "line 1, column 12: want a number"},
		"infinite weight":    {"keywords: [{term: x, weight: .inf}]\n", "want a number"},
		"not a number":       {"keywords: [{term: x, weight: .nan}]\n", "want a number"},
		"weight of zero":     {"keywords: [{term: x, weight: 0}]\n", "a weight of 0 has no effect"},
		"no term":            {"keywords:\n  - {weight: 2}\n  - weight: 3\n", "line 2, column 5: the term is missing; line 3, column 5: the term is missing"},
		"blank term":         {"keywords: [{term: ' '}]\n", "line 1, column 19: want a text that is not blank"},
		"term without words": {"keywords: [{term: '...'}]\n", `"..." has no word`},
		"number as term":     {"keywords: [{term: 911}]\n", "want a text; a number or a word such as true needs quotes"},
		"term as a list":     {"keywords: [{term: [a]}]\n", "want a text"},
		"keyword as a text":  {"keywords: [fire]\n", "line 1, column 12: want term, weight"},
		"bad expression":     {"patterns:\n  - {pattern: '(', name: x}\n", "line 2, column 15: error parsing regexp: missing closing ): `(`"},
		"lookahead":          {"patterns: [{pattern: 'a(?=b)'}]\n", "error parsing regexp"},
		"matches anything":   {"patterns: [{pattern: 'a*'}]\n", "matches every narrative"},
		"no pattern":         {"patterns: [{name: x}]\n", "the pattern is missing"},
		"window of zero":     {"negation: {words: [no], window: 0}\nkeywords: [{term: x}]\n", "line 1, column 33: want a whole number"},
		"fraction of words":  {"negation: {words: [no], window: 1.5}\nkeywords: [{term: x}]\n", "want a whole number"},
		"negations as text":  {"negation: {words: no}\nkeywords: [{term: x}]\n", "want a list"},
		"alias of nothing":   {"keywords: [*x]\n", "line 1, column 12: "},
		"alias of itself":    {"keywords: &k [*k]\n", "want term, weight"},
	} {
		_, err := ParseRules([]byte(tc.in))
		var faulty *RulesError
		if !errors.As(err, &faulty) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

func TestRulesIdentityIsWhatTheyMean(t *testing.T) {
	a := rulesOf(t, "keywords: [{term: x}]")
	b := rulesOf(t, "# the same, written otherwise\nthreshold: 1.0\nkeywords:\n  - term: \"x\"\n    weight: 1\n")
	if string(a.Identity(question)) != string(b.Identity(question)) {
		t.Errorf("%s and %s differ", a.Identity(question), b.Identity(question))
	}
	c := rulesOf(t, "keywords: [{term: x, weight: 2}]")
	other := question
	other.Narrative = "Else."
	if string(a.Identity(question)) == string(c.Identity(question)) || string(a.Identity(question)) == string(a.Identity(other)) {
		t.Error("other rules or another narrative have the same identity")
	}
}

func TestRulesHonourTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rulesOf(t, "keywords: [{term: x}]").Answer(ctx, question); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add(sampleRules, "He hit her. No restraining order.")
	f.Add("keywords: [{term: x}]\n", "x")
	f.Add("a: &a [*a]", "")
	f.Add("? [a]\n: {b", "")
	f.Add("keywords:\n}", "")
	f.Fuzz(func(t *testing.T, file, narrative string) {
		r, err := ParseRules([]byte(file))
		var faulty *RulesError
		switch {
		case errors.As(err, &faulty):
			for _, at := range faulty.Faults {
				if at.Line < 1 || at.Column < 1 || at.Problem == "" {
					t.Errorf("%q: %+v", file, at)
				}
			}
		case err != nil:
			t.Errorf("%q: %v", file, err)
		default:
			if v := r.judge(narrative); v.Confidence < 0 || v.Confidence > 1 || math.IsNaN(v.Confidence) {
				t.Errorf("%q of %q: %+v", file, narrative, v)
			}
		}
	})
}

func BenchmarkRules(b *testing.B) {
	r, err := ParseRules([]byte(sampleRules))
	if err != nil {
		b.Fatal(err)
	}
	narrative := strings.Repeat("The decedent was found by her boyfriend, who denied that a restraining order existed. ", 10)
	b.SetBytes(int64(len(narrative)))
	for b.Loop() {
		r.judge(narrative)
	}
}
