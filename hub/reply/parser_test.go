package reply

import (
	"errors"
	"strings"
	"testing"
)

// answered returns what a parser makes of a reply.
func answered(r Reply, err error) string {
	switch {
	case errors.Is(err, ErrUnparsed):
		return "unparsed"
	case r.Flag:
		return "true by " + string(r.Step)
	}
	return "false by " + string(r.Step)
}

func TestAnswerWords(t *testing.T) {
	choice := &Parser{Positive: []string{"A"}, Negative: []string{"B"}}
	classifier := &Parser{Positive: []string{"__label__1", "very likely"}, Negative: []string{"__label__0", "unlikely"}}
	safe := &Parser{Positive: []string{"No"}, Negative: []string{"yes"}}
	for _, c := range []struct {
		parser     *Parser
		text, want string
	}{
		{choice, "A", "true by words"},
		{choice, "b.", "false by words"},
		{choice, "(B)", "false by words"},
		{choice, "**A**", "true by words"},
		{choice, "a) The hall burned.", "true by words"},
		{choice, "B. Nothing happened.", "false by words"},
		{choice, "The hall burned.\nAnswer: A", "true by words"},
		{choice, "Answer: B", "false by words"},
		{choice, "yes", "true by words"},
		{choice, `{"detected": "B"}`, "false by lenient"},
		{choice, "A woman was hit.", "unparsed"},
		{choice, "A or B", "unparsed"},
		{choice, "A\nB", "unparsed"},
		{choice, "A.\nFinal answer: B", "unparsed"},
		{choice, "C", "unparsed"},
		{choice, "{\"detected\": true}\nAnswer: B", "unparsed"},
		{classifier, "__label__1", "true by words"},
		{classifier, "__LABEL__0 0.97", "false by words"},
		{classifier, "__label__1 1.00001 __label__0 0.00002", "true by words"},
		{classifier, "__label__1 0.2 __label__0 0.8", "unparsed"},
		{classifier, "__label__2 0.9", "unparsed"},
		{classifier, "Very likely.", "true by words"},
		{classifier, "Very unlikely.", "unparsed"},
		{classifier, "Unlikely, as nobody saw it.", "false by words"},
		{safe, "no", "true by words"},
		{safe, "Yes.", "false by words"},
		{safe, "false", "false by words"},
	} {
		if got := answered(c.parser.Parse(c.text)); got != c.want {
			t.Errorf("%q is %s, want %s", c.text, got, c.want)
		}
	}
}

func TestThinkTags(t *testing.T) {
	p := &Parser{ThinkTags: []string{"<Musing>", "notes"}}
	for text, want := range map[string]string{
		"<musing>Answer: yes</musing>No.":              "false by words",
		"◁NOTES▷{\"detected\": true}◁/NOTES▷\nNo.":     "false by words",
		"[notes]Yes.[/notes]\n{\"detected\": false}":   "false by stripped",
		"<|musing|>Yes.<|/musing|>{\"flag\": false}":   "false by stripped",
		"<musing>{\"detected\": true}":                 "unparsed",
		"<other>Answer: yes</other>\nNo. It was calm.": "unparsed",
	} {
		if got := answered(p.Parse(text)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestOfAnUnknownEndOnlyStrictJSONCounts(t *testing.T) {
	p := new(Parser)
	for text, want := range map[string]string{
		` {"detected": true} `:               "true by strict",
		"Yes, the":                           "unparsed",
		"yes":                                "unparsed",
		"```json\n{\"detected\": true}\n```": "unparsed",
		`{"detected": "yes"}`:                "unparsed",
	} {
		if got := answered(p.ParseStrict(text)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestOfACutReplyOnlyAWholeObjectCounts(t *testing.T) {
	p := new(Parser)
	for text, want := range map[string]string{
		`{"detected": true}` + strings.Repeat(" \n", 100):                "true by strict",
		"<think>no</think>\n{\"detected\": true}\n\n":                    "true by stripped",
		"```json\n{\"detected\": true}\n\n\n":                            "true by stripped",
		"```json\n{\"detected\": true}\n```\n":                           "true by stripped",
		`{"detected": true} but`:                                         "unparsed",
		`{"detected": true}<think>or`:                                    "unparsed",
		"First thought: {\"detected\": true}\n":                          "unparsed",
		`{"detected": true, "rationale": "No, at first sight`:            "unparsed",
		"No, at first sight":                                             "unparsed",
		"yes":                                                            "unparsed",
		"```json\n{\"detected\": true}\n```\nThis is because the narrat": "unparsed",
	} {
		if got := answered(p.ParseCut(text)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestReasoningInPlaceOfAReply(t *testing.T) {
	p := new(Parser)
	for text, want := range map[string]string{
		`{"detected": true}`: "true by reasoning",
		"She names him, so: {\"detected\": true, \"rationale\": \"named\"}\nDone.": "true by reasoning",
		`{"detected": true} or {"detected": true}`:                                 "unparsed",
		`{"detected": true} {"other": 1}`:                                          "true by reasoning",
		`I think {"detected": true}. Final answer: no`:                             "unparsed",
		"Yes.":                          "unparsed",
		`{"detected": "yes"}`:           "unparsed",
		`{"detected": true, "rationale`: "unparsed",
		"":                              "unparsed",
	} {
		if got := answered(p.ParseReasoning(text)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
