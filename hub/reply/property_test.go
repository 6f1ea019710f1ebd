package reply

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// anyReply draws a reply as it comes out of Parse: strings are UTF-8, and empty
// lists are nil.
func anyReply() *rapid.Generator[Reply] {
	text := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"", "{", `"`, `{"detected": false}`, "```", "no", "<b>", "\u2028", "it's", `\`, "a, b", "// c"}),
	).Filter(utf8.ValidString)
	texts := rapid.Map(rapid.SliceOfN(text, 0, 3), func(s []string) []string {
		if len(s) == 0 {
			return nil
		}
		return s
	})
	return rapid.Custom(func(t *rapid.T) Reply {
		return Reply{
			Flag: rapid.Bool().Draw(t, "flag"), Confidence: rapid.Ptr(rapid.Float64Range(0, 1), true).Draw(t, "confidence"),
			Indicators: texts.Draw(t, "indicators"), Rationale: text.Draw(t, "rationale"),
			ReasoningSteps: texts.Draw(t, "steps"), Step: StepStrict,
		}
	})
}

// What stands around an answer changes the step by which it is found, and nothing
// else.
func TestAnAnswerIsFoundWhereverItStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyReply().Draw(t, "reply")
		encoded, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			step          Step
			before, after string
		}{
			{StepStrict, "", ""},
			{StepStripped, "\uFEFF", "\n"},
			{StepStripped, "```json\n", "\n```"},
			{StepStripped, `<think>{"detected": false} </think>`, ""},
			{StepObject, `First {"detected": true}, then {this: `, "} and that's it."},
			{StepObject, `{"result": `, "}"},
			{StepLenient, `{"result": `, ",}"},
		} {
			text := c.before + string(encoded) + c.after
			if c.step == StepLenient { // the tolerance is asked of the answer itself
				text = strings.TrimSuffix(string(encoded), "}") + ",}"
			}
			want.Step = c.step
			if got, err := Parse(text); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s\ngives %+v, %v\nwant  %+v", text, got, err, want)
			}
		}
	})
}

// A text that is cut anywhere inside its object gives no answer, whatever stands
// before that.
func TestACutAnswerIsNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		encoded, err := json.Marshal(anyReply().Draw(t, "reply"))
		if err != nil {
			t.Fatal(err)
		}
		cut := string(encoded[:rapid.IntRange(2, len(encoded)-1).Draw(t, "cut")])
		for _, text := range []string{cut, `{"detected": true} or {"` + strings.TrimPrefix(cut, `{"`)} {
			if got, err := Parse(text); !errors.Is(err, ErrUnparsed) {
				t.Errorf("%s\ngives %+v, %v", text, got, err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"detected": true, "confidence": 0.9, "indicators": ["a"], "rationale": "b", "reasoning_steps": ["c"]}`,
		"```json\n{'detected': True, 'confidence': '90%',}\n```",
		"<think>{\"detected\": false}</think>{detected: yes // sure\n}",
		`{"rationale": "she said "no" \ud800 \_", "flag": 0}`,
		"**Final answer (yes/no):** Yes, “she” …\nAnswer: no", "{\"a\": {\"flag\": [\xff", "“", `"\""`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrUnparsed) || !reflect.DeepEqual(got, Reply{}) || !utf8.ValidString(err.Error()) {
				t.Fatalf("%q gives %+v, %q", text, got, err)
			}
			return
		}
		for _, s := range append(append([]string{got.Rationale}, got.Indicators...), got.ReasoningSteps...) {
			if !utf8.ValidString(s) {
				t.Fatalf("%q gives a string that is not UTF-8, %q", text, s)
			}
		}
		encoded, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		got.Step = StepStrict
		if again, err := Parse(string(encoded)); err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q gives %+v, which as JSON gives %+v, %v", text, got, again, err)
		}
	})
}
