package reply

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func number(x float64) *float64 { return &x }

// full is an answer with all fields, and fullJSON its JSON.
var full = Reply{
	Flag: true, Confidence: number(0.9), Indicators: []string{"hit by husband", "afraid"},
	Rationale: "She names him.", ReasoningSteps: []string{"read", "judged"},
}

const fullJSON = `{"detected": true, "confidence": 0.9, "indicators": ["hit by husband", "afraid"], ` +
	`"rationale": "She names him.", "reasoning_steps": ["read", "judged"]}`

// given is a reply such as models give, and what is taken from it.
type given struct {
	name, text string
	want       Reply // its step is not looked at
}

// check parses replies that this step matches.
func check(t *testing.T, step Step, replies []given) {
	t.Helper()
	for _, c := range replies {
		got, err := Parse(c.text)
		c.want.Step = step
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %s\ngives %+v, %v\nwant  %+v", c.name, c.text, got, err, c.want)
		}
	}
}

func TestStrict(t *testing.T) {
	check(t, StepStrict, []given{
		{"as asked", fullJSON, full},
		{"space around", "\n " + fullJSON + "\r\n", full},
		{"flag only", `{"flag":false}`, Reply{}},
		{"upper case keys", `{"Detected": true, "RATIONALE": "x"}`, Reply{Flag: true, Rationale: "x"}},
		{"rational", `{"rational": "x", "detected": false}`, Reply{Rationale: "x"}},
		{
			"one indicator, one step", `{"detected": true, "indicators": "bruise", "reasoning_steps": "1. read 2. judged"}`,
			Reply{Flag: true, Indicators: []string{"bruise"}, ReasoningSteps: []string{"1. read 2. judged"}},
		},
		{
			"nulls and nothing", `{"detected": true, "confidence": null, "indicators": [null], "rationale": null, "reasoning_steps": ""}`,
			Reply{Flag: true},
		},
		{
			"other types", `{"detected": true, "confidence": [1], "indicators": [1, {"a": 2}], "rationale": ["b"], "reasoning_steps": 3}`,
			Reply{Flag: true, Indicators: []string{"1", `{"a": 2}`}, Rationale: `["b"]`, ReasoningSteps: []string{"3"}},
		},
		{"other keys", `{"id": 7, "detected": true, "severity": {"flag": false}}`, Reply{Flag: true}},
		{
			"think inside a string", `{"detected": true, "rationale": "says <think>"}`,
			Reply{Flag: true, Rationale: "says <think>"},
		},
		{
			"escapes", `{"detected": true, "rationale": "\u00e9 \ud83d\ude00 \"x\"\n"}`,
			Reply{Flag: true, Rationale: "é 😀 \"x\"\n"},
		},
		{"confidence 0.9 as a string", `{"detected": true, "confidence": "0.9"}`, Reply{Flag: true, Confidence: number(0.9)}},
		{"confidence 90%", `{"detected": true, "confidence": "90%"}`, Reply{Flag: true, Confidence: number(0.9)}},
		{"confidence 90 %", `{"detected": true, "confidence": " 90 % "}`, Reply{Flag: true, Confidence: number(0.9)}},
		{"confidence 0. nine", `{"detected": true, "confidence": "0. nine"}`, Reply{Flag: true}},
		{"confidence high", `{"detected": true, "confidence": "high"}`, Reply{Flag: true}},
		{"confidence on another scale", `{"detected": true, "confidence": 85}`, Reply{Flag: true}},
		{"confidence below 0", `{"detected": true, "confidence": -0.1}`, Reply{Flag: true}},
		{"confidence NaN", `{"detected": true, "confidence": "NaN"}`, Reply{Flag: true}},
		{"confidence beyond all numbers", `{"detected": true, "confidence": 1e999}`, Reply{Flag: true}},
	})
}

func TestStripped(t *testing.T) {
	check(t, StepStripped, []given{
		{"fence", "```json\n" + fullJSON + "\n```", full},
		{"fence without a language", "```\n" + fullJSON + "```\n", full},
		{"fence on one line", "```{\"detected\": true}```", Reply{Flag: true}},
		{"fence that does not end", "```json\n" + fullJSON, full},
		{"BOM", "\uFEFF" + fullJSON, full},
		{"NBSP", "\u00A0" + fullJSON + "\u00A0", full},
		{
			"JSON in a JSON string", `"{\"detected\": true, \"rationale\": \"a \\\"b\\\"\"}"`,
			Reply{Flag: true, Rationale: `a "b"`},
		},
		{"think", "<think>Is it? {\"detected\": false}</think>\n\n" + fullJSON, full},
		{"think and fence", "<think>\nhm\n</think>\n```json\n" + fullJSON + "\n```", full},
		{"think in think", `<think>a<think>b</think>{"detected": false}</think>{"detected": true}`, Reply{Flag: true}},
		{"think begun in the prompt", `It might be {"detected": false}.</think>{"detected": true}`, Reply{Flag: true}},
		{"think after the answer", `{"detected": true}<think>or {"detected": false}`, Reply{Flag: true}},
		{"several thoughts", `<think>a</think><thinking>b</thinking>[THINK]c[/THINK]{"detected": true}`, Reply{Flag: true}},
	})
}

func TestObject(t *testing.T) {
	check(t, StepObject, []given{
		{"prose around", "Here is my answer:\n" + fullJSON + "\nI hope this helps!", full},
		{"prose and fence", "Sure.\n```json\n" + fullJSON + "\n```\nThe \"detected\" field is true because …", full},
		{
			"apostrophes and braces in prose", `It's {not} clear, the {"patient's"} words {detected} say 5' 6": {"detected": true}`,
			Reply{Flag: true},
		},
		{"two objects, the last counts", `{"detected": false} On reflection: {"detected": true}`, Reply{Flag: true}},
		{"an array of objects that agree", `[{"detected": true}, {"detected": true}]`, Reply{Flag: true}},
		{"last object has no flag", `{"detected": true} {"note": "done"}`, Reply{Flag: true}},
		{"under result", `{"result": {"detected": true, "confidence": 0.5}}`, Reply{Flag: true, Confidence: number(0.5)}},
		{"object in an object with a flag", `x {"detected": true, "detail": {"flag": false}}`, Reply{Flag: true}},
		{"flag after an object with one", `x {"detail": {"flag": false}, "detected": true}`, Reply{Flag: true}},
		{
			"braces inside a string", `x {"detected": true, "rationale": "} {\"detected\": false} {"}`,
			Reply{Flag: true, Rationale: `} {"detected": false} {`},
		},
		{"schema, then the answer", `{"properties": {"detected": {"type": "boolean"}}} {"detected": true}`, Reply{Flag: true}},
		{"a brace before", `{ {"detected": true}`, Reply{Flag: true}},
		{"a brace after", `{"detected": true}}`, Reply{Flag: true}},
		{"deep", strings.Repeat(`{"a":`, maxDepth) + `{"detected": true}` + strings.Repeat("}", maxDepth), Reply{Flag: true}},
		{"a note in braces before", `{note: see {"detected": true}}`, Reply{Flag: true}},
	})
}

func TestLenient(t *testing.T) {
	check(t, StepLenient, []given{
		{"quoted true", `{"detected": "true"}`, Reply{Flag: true}},
		{"quoted No.", `{"detected": "No."}`, Reply{}},
		{"yes", `{"detected": "YES", "rationale": "x"}`, Reply{Flag: true, Rationale: "x"}},
		{"1", `{"flag": 1}`, Reply{Flag: true}},
		{"0.0", `{"flag": 0.0}`, Reply{}},
		{"Python", `{'detected': True, 'confidence': 0.9, 'indicators': ['hit by husband', 'afraid'], 'rationale': 'She names him.', 'reasoning_steps': ['read', "judged"]}`, full},
		{
			"Python's None and apostrophes", `{'detected': False, 'confidence': None, 'rationale': 'the patient\'s husband\'s arm', 'indicators': ["it's"]}`,
			Reply{Rationale: "the patient's husband's arm", Indicators: []string{"it's"}},
		},
		{"Python's booleans in JSON", `{"detected": True, "rationale": None}`, Reply{Flag: true}},
		{"TRUE", `{"detected": TRUE}`, Reply{Flag: true}},
		{
			"trailing commas", `{"detected": true, "indicators": ["a", "b",],}`,
			Reply{Flag: true, Indicators: []string{"a", "b"}},
		},
		{"keys without quotes", `{detected: true, rationale: "x"}`, Reply{Flag: true, Rationale: "x"}},
		{
			"values without quotes", "{\"detected\": yes, \"confidence\": 90%, \"rationale\": clear enough\n}",
			Reply{Flag: true, Confidence: number(0.9), Rationale: "clear enough"},
		},
		{
			"0. nine without quotes", `{"detected": true, "confidence": 0. nine, "rationale": "x"}`,
			Reply{Flag: true, Rationale: "x"},
		},
		{
			"typographic quotes", `{“detected”: true, “rationale”: “she said ‘no’”}`,
			Reply{Flag: true, Rationale: "she said ‘no’"},
		},
		{"typographic single quotes", `{‘detected’: ‘yes’}`, Reply{Flag: true}},
		{
			"comments", "{\n// the flag\n\"detected\": true, // sure\n/* none */ \"rationale\": \"x\" // y\n}",
			Reply{Flag: true, Rationale: "x"},
		},
		{
			"quotes not escaped", `{"detected": true, "rationale": "she said "he hit me" and left", "indicators": ["says "hit"", "b"]}`,
			Reply{Flag: true, Rationale: `she said "he hit me" and left`, Indicators: []string{`says "hit"`, "b"}},
		},
		{
			"quotes not escaped before commas", `{"rationale": "type "R", no mention of "ex", 2 or 3 years", "detected": true}`,
			Reply{Flag: true, Rationale: `type "R", no mention of "ex", 2 or 3 years`},
		},
		{
			"strings before all that may follow", `{'indicators': ["a", -1.5e+3, True, "b", [], "c", {}, "d" , e, 'f', /* */ ], "rationale": "g", detected: true}`,
			Reply{Flag: true, Indicators: []string{"a", "-1.5e+3", "true", "b", "[]", "c", "{}", "d", "e", "f"}, Rationale: "g"},
		},
		{
			"line breaks not escaped", "{\"detected\": true, \"rationale\": \"one\ntwo\tthree\"}",
			Reply{Flag: true, Rationale: "one\ntwo\tthree"},
		},
		{
			"backslashes that escape nothing", `{"detected": true, "rationale": "50\% \u12 \'a\'", "reasoning\_steps": ["b"]}`,
			Reply{Flag: true, Rationale: `50\% \u12 'a'`, ReasoningSteps: []string{"b"}},
		},
		{"half a surrogate pair", `{"detected": true, "rationale": "\ud800!"}`, Reply{Flag: true, Rationale: "\uFFFD!"}},
		{"not UTF-8", "{\"detected\": true, \"rationale\": \"caf\xe9\"}", Reply{Flag: true, Rationale: "caf\uFFFD"}},
		{"NBSP inside", "{\u00A0\"detected\":\u00A0true}", Reply{Flag: true}},
		{"the same flag twice", `{"detected": true, "detected": true, "flag": true}`, Reply{Flag: true}},
		{
			"a text twice, the last counts", `{"detected": true, "rationale": "a", "rationale": "b"}`,
			Reply{Flag: true, Rationale: "b"},
		},
		{"Python in a fence with prose", "```python\nresult = {'detected': True}\nprint(result)\n```", Reply{Flag: true}},
		{"the last of two, in Python", `{"detected": false} or {'detected': True}`, Reply{Flag: true}},
	})
}

func TestWords(t *testing.T) {
	check(t, StepWords, []given{
		{"yes", "yes", Reply{Flag: true}},
		{"Yes.", "Yes.", Reply{Flag: true}},
		{"TRUE", " TRUE\n", Reply{Flag: true}},
		{"false!", "False!", Reply{}},
		{"1", "1", Reply{Flag: true}},
		{"quoted", `"no"`, Reply{}},
		{"fenced", "```\nno\n```", Reply{}},
		{"bold", "**Yes**", Reply{Flag: true}},
		{"thought of", "<think>yes or no?</think>No", Reply{}},
		{"labelled", "Answer: no", Reply{}},
		{"labelled and bold", "**Final answer:** *Yes*.", Reply{Flag: true}},
		{"labelled with the choice", "Answer (yes/no): no", Reply{}},
		{"labelled with a digit", "detected = 1", Reply{Flag: true}},
		{"a sentence", "The answer is no.", Reply{}},
		{"label on its own line", "Answer:\nYes", Reply{Flag: true}},
		{"yes and why", "Yes. The patient names her husband.", Reply{Flag: true}},
		{"no and why", "No, there is no evidence of violence.", Reply{}},
		{"no and none", "No, no weapon is named.", Reply{}},
		{"yes and why, from a number on", "Yes. 45 y.o. female, hit by her husband.", Reply{Flag: true}},
		{"yes in prose, with brackets", "Yes (she names her husband)", Reply{Flag: true}},
		{"yes, then lines", "Yes\n\nThe patient names her husband.\nConfidence: high", Reply{Flag: true}},
		{"fields in lines", "Detected: false\nConfidence: 0.9", Reply{}},
		{"why and yes", "The patient names her husband, so there is no doubt.\n\nFinal answer: Yes.", Reply{Flag: true}},
		{"why and yes on a line", "The patient names her husband. Answer: yes", Reply{Flag: true}},
		{"yes twice", "Yes – she names him.\nAnswer: yes", Reply{Flag: true}},
	})
}

// What is no answer is never taken for one.
func TestUnparsed(t *testing.T) {
	const none = "there is no object with detected or flag, and no plain yes or no"
	for _, c := range []struct{ name, text, reason string }{
		{"empty", "", "no text beside thinking"},
		{"blank", " \n\u00A0\uFEFF", "no text beside thinking"},
		{"an empty fence", "```json\n```", "no text beside thinking"},
		{"only a thought", "<think>yes</think>", "no text beside thinking"},
		{"a thought that does not end", `<think>I say {"detected": true}`, "no text beside thinking"},
		{"cut in the flag", `{"detected": tr`, "ends inside an object"},
		{"cut after the flag", `{"detected": true, "rat`, "ends inside an object"},
		{"cut in a string", `{"detected": true, "rationale": "she`, "ends inside an object"},
		{"cut before the end", `{"detected": true`, "ends inside an object"},
		{"cut with an object inside", `{"detected": true, "detail": {"flag": false}, "rationale": "`, "ends inside an object"},
		{"cut after a draft", `{"detected": true} or rather {"detected": fal`, "ends inside an object"},
		{"cut in the name after a draft", `{"detected": true} or rather {"det`, "ends inside an object"},
		{"broken after a draft", `{"detected": true} or {"rationale": "a" b, "c", "d", "detected": false}`, "cannot be read"},
		{"the end is missing inside a fence", "```json\n{\"detected\": true\n```\nDone.", "cannot be read"},
		{"broken by bytes that are not UTF-8", `{"detected": true, ` + strings.Repeat("\xb6", 50), "cannot be read"},
		{"null", `{"detected": null}`, `detected is null`},
		{"null after a draft", `{"detected": true} {"detected": null}`, `detected is null`},
		{"maybe", `{"flag": "maybe"}`, `flag is "maybe"`},
		{"both, as a form shows it", `{"detected": true/false}`, `detected is "true/false"`},
		{"2", `{"detected": 2}`, `detected is "2"`},
		{"an object", `{"detected": {"value": true}}`, `detected is "{\"value\":true}"`},
		{"a schema", `{"properties": {"detected": {"type": "boolean"}}}`, "detected is"},
		{"a long flag", `{"detected": "` + strings.Repeat("é", 100) + `"}`, strings.Repeat("é", 20) + `…"`},
		{"contradiction", `{"detected": true, "flag": false}`, "both true and false"},
		{"contradiction by a key that stands twice", `{"detected": true, "detected": false}`, "both true and false"},
		{"no flag", `{"answer": "yes"}`, none},
		{"no object", `["yes"]`, none},
		{"a tool call", `{"name": "answer", "arguments": "{\"detected\": true}"}`, none},
		{"prose with no", "no evidence of violence is found", none},
		{"prose with No", "No evidence of violence.", none},
		{"prose with true", "It is true that she fell.", none},
		{"number", "No. 3 of the list", none},
		{"number, with a colon", "No: 3", none},
		{"number of", "No. of visits: 2", none},
		{"a list", "1. The patient fell.", none},
		{"yes and no", "Yes and no.", none},
		{"yes or no", "Yes/No", none},
		{"yes, no", "Yes, no, I mean", none},
		{"yes, but", "Yes, but the assailant is a stranger.", none},
		{"no refusal is a no", "No, I cannot help with that.", none},
		{"nor is a greeting a yes", "Yes, of course! Please give me the narrative.", none},
		{"contradiction", "Yes, she was hit.\nFinal answer: no", "contradiction: there is one verdict and the other"},
		{"objects in a row that differ", `[{"detected": false}, {"detected": true}]`, "contradiction: there are several objects in a row"},
		{"contradiction in words", "Yes\nNo", "contradiction: there is one verdict and the other"},
		{"whether", "I cannot tell whether the answer is yes.", none},
		{"a question answered", "Was she hit? No.", none},
		{"refusal", "I'm sorry, but I can't help with that.", none},
		{"maybe", "Maybe", none},
		{"HTML", "<html><body>502 Bad Gateway</body></html>", none},
	} {
		got, err := Parse(c.text)
		if !errors.Is(err, ErrUnparsed) || !reflect.DeepEqual(got, Reply{}) {
			t.Errorf("%s: %s\ngives %+v, %v", c.name, c.text, got, err)
		} else if !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: the reason is %q, want %q", c.name, err, c.reason)
		}
	}
}

// Ten megabytes of braces take a sixth of a second on a quiet machine. The limit leaves room for the race detector and busy machines;
// time that grows with the square of the length would be hours.
func TestTenMegabytesOfBraces(t *testing.T) {
	start := time.Now()
	if _, err := Parse(strings.Repeat("{", 10<<20)); !errors.Is(err, ErrUnparsed) {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Minute { // some seconds with the race detector; quadratic, it would be hours
		t.Errorf("it took %v", took)
	}
}

// Thirty-two times the text takes thirty-two times as long, with room for the noise of
// a busy machine, and not a thousand times.
func TestParseTakesTimeInProportionToTheLength(t *testing.T) {
	const length = 1 << 10
	took := func(unit string, length int) time.Duration {
		text := strings.Repeat(unit, length/len(unit))
		start := time.Now()
		Parse(text)
		return time.Since(start)
	}
	for _, unit := range []string{
		"{ ", `{"a":`, `{a:`, `{a:1,`, `{"x`, `{'x"`, `{a:"x`, `{a:"\`, `{a:"  `, `{"a":1,`, `{"detected":true,"x":`,
		`{"detected":true}`, `{/*`, `{a:1//`, "[", `"`, `\`, "<think>", "</think>", "<think></think>", "```", "yes, ",
		"answer (", " ", "\n", "<think></reason>", "<think>\n</thinking>", "◁think▷", "◁/think▷", "[THINK]", "<|channel|>analysis", "<|channel|>final",
		"<|end_of_thought|>", "<details>", "<", "<|", "\n\nQ: ", "Was it? Yes. ", "\nAnswer: yes", `{"answer":{"flag":true}}`, "for example {}", `{"x":"</think>`,
	} {
		small := min(took(unit, length), took(unit, length), took(unit, length))
		limit := 256*small + 200*time.Millisecond
		if large := took(unit, 32*length); large > limit && took(unit, 32*length) > limit {
			t.Errorf("%q: %v, and %v for thirty-two times the text", unit, small, large)
		}
	}
}
