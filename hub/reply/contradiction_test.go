package reply

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// quietProse has no verdict.
var quietProse = []string{
	"Here is the JSON:", "Sure!", "I read the narrative twice.", "No other people were present.", "She said no to the police.",
	"Was he drunk? No. Was she hurt? Yes.", "The result follows", "It depends on how one reads line 3.", "Yes, here it is:", "No. of visits: 3",
	"The witness gave a clear answer: no", "Blood alcohol detected: 0", "I hope this helps.", "- smoke\n- sirens", "Confidence: high", "It's {not} clear.",
	"The word <b>fire</b> is there.", "5' 6\" tall, 12 years old", "Let me know if you need more.", "1. Yes\n2. No",
}

// thoughts are sections that say anything. What they say is in place of %.
var thoughts = []string{
	"<think>%</think>", "<THINKING>\n%\n</THINKING>", "<seed:think>%</seed:think>", "<|begin_of_thought|>%<|end_of_thought|>", "◁think▷%◁/think▷",
	"[THINK]%[/THINK]", "%</think>", "<|channel|>analysis<|message|>%<|end|><|start|>assistant<|channel|>final<|message|>", "<think %>.</think>",
	"<details><summary>Thinking</summary>%</details>", "<scratchpad>%</scratchpad>", "<unused94>thought\n%<unused95>", "<|channel>thought\n%<channel|>",
}

// around are marks and fences that stand around an answer, in place of %.
var around = []string{
	"```json\n%\n```", "```\n%\n```", "~~~json\n%\n~~~", "```%```", "<answer>%</answer>", "<|begin_of_box|>%<|end_of_box|>", "%<|eot_id|>", "<s>%</s>",
	"<|im_start|>assistant\n%<|im_end|>", "\uFEFF%\n\n", "%</s><s>[INST] Next [/INST] {\"detected\": true} {\"detected\": false}", "**Result**\n%",
	"%\n\nUser: the next one\n\nAnswer: yes\nAnswer: no", "[%]", "{\"result\": %}", "\\boxed{%}", "- %",
}

// saying draws a plain verdict.
func saying(flag bool) *rapid.Generator[string] {
	words := []string{"no", "No", "NO", "false", "**No**", "\"no\"", "(no)"}
	if flag {
		words = []string{"yes", "Yes", "YES", "true", "**Yes**", "\"yes\"", "(yes)"}
	}
	return rapid.Custom(func(t *rapid.T) string {
		label := rapid.SampledFrom([]string{
			"", "Answer: ", "**Answer:** ", "Final answer: ", "The final answer is: ", "Verdict = ", "So the answer is ", "My answer: ", "Detected: ",
			"### Answer\n", "Therefore, the final answer is ", "Conclusion (yes/no): ", "Thinking again, my final answer: ", "On reflection, the answer is: ",
		}).Draw(t, "label")
		return label + rapid.SampledFrom(words).Draw(t, "word") + rapid.SampledFrom([]string{"", ".", "!"}).Draw(t, "stop")
	})
}

// anObject draws an object in one form or another.
func anObject(flag bool) *rapid.Generator[string] {
	forms := []string{
		`{"detected": %}`, `{"flag": %, "rationale": "she said no, he said yes"}`, `{"rationale": "Final answer: no", "detected": %}`,
		`{"rationale": "Answer: yes\nNo.", "detected": %, "confidence": 0.5}`, `{'detected': %, 'rationale': 'it's <think> so'}`, `{detected: %, }`,
	}
	return rapid.Custom(func(t *rapid.T) string {
		word := map[bool]string{true: "true", false: "false"}[flag]
		return strings.ReplaceAll(rapid.SampledFrom(forms).Draw(t, "form"), "%", word)
	})
}

func prose() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(quietProse), 0, 3), func(list []string) string { return strings.Join(list, "\n") })
}

func in(form, text string) string { return strings.ReplaceAll(form, "%", text) }

func TestAContradictedReplyIsNeverOK(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flag := rapid.Bool().Draw(t, "flag")
		answer := anObject(flag).Draw(t, "object")
		if rapid.Bool().Draw(t, "fenced") {
			answer = in(rapid.SampledFrom(around[:3]).Draw(t, "fence"), answer)
		}
		against := saying(!flag).Draw(t, "verdict")
		parts := []string{answer, against}
		if rapid.Bool().Draw(t, "verdict first") {
			parts = []string{against, answer}
		}
		parts = []string{prose().Draw(t, "before"), parts[0], prose().Draw(t, "between"), parts[1], prose().Draw(t, "after")}
		text := strings.Join(parts, "\n\n")
		if rapid.Bool().Draw(t, "thought") {
			text = in(rapid.SampledFrom(thoughts).Draw(t, "thoughts"), answer) + text
		}
		if r, err := Parse(text); !errors.Is(err, ErrUnparsed) {
			t.Errorf("%s\nis %v by %s, %v", text, r.Flag, r.Step, err)
		}
	})
}

// What is around a good object never changes the flag.
func TestWrappingChangesNoFlag(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flag := rapid.Bool().Draw(t, "flag")
		text := anObject(flag).Draw(t, "object")
		if rapid.Bool().Draw(t, "wrapped") {
			text = in(rapid.SampledFrom(around).Draw(t, "around"), text)
		}
		before, after := prose().Draw(t, "before"), prose().Draw(t, "after")
		text = before + "\n" + text
		if !strings.Contains(text, "User:") { // what follows is another's turn
			text += "\n" + after
		}
		if rapid.Bool().Draw(t, "thought") {
			said := rapid.SampledFrom([]string{"Answer: yes", "No.", `{"detected": true}`, `{"flag": false, `, "it's \"so\" {"}).Draw(t, "said")
			text = in(rapid.SampledFrom(thoughts).Draw(t, "thoughts"), said) + text
		}
		if r, err := Parse(text); err != nil || r.Flag != flag {
			t.Errorf("%s\nis %v by %s, %v; want %v", text, r.Flag, r.Step, err, flag)
		}
	})
}

// FuzzWrapped wraps objects with any strings in them.
func FuzzWrapped(f *testing.F) {
	f.Add("a <think> tag, </s>, {\"detected\": false}, Answer: no", "</think>", false)
	f.Add("No.\nAnswer: no", "<|channel|>final<|message|>", true)
	f.Fuzz(func(t *testing.T, rationale, step string, flag bool) {
		encoded, err := json.Marshal(Reply{Flag: flag, Rationale: rationale, ReasoningSteps: []string{step}})
		if err != nil {
			t.Fatal(err)
		}
		object := string(encoded)
		texts := []string{object}
		for _, form := range around {
			texts = append(texts, in(form, object))
		}
		for _, form := range thoughts {
			texts = append(texts, in(form, `It may be {"detected": true}, or {"detected": false}. Answer: yes`)+"\n"+object)
		}
		for _, text := range texts {
			if got, err := Parse(text); err != nil || got.Flag != flag {
				t.Fatalf("%s\nis %v, %v; want %v", text, got.Flag, err, flag)
			}
		}
	})
}
