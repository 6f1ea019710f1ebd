package finetune

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// notesOf checks lines that are valid and returns the notes.
func notesOf(t *testing.T, f Format, lines string) string {
	t.Helper()
	report, err := CheckHeldOut(strings.NewReader(lines), f)
	if err != nil || !report.Valid() {
		t.Errorf("%s: %v, %v", lines, report.Faults, err)
	}
	var notes []string
	for _, n := range report.Notes {
		notes = append(notes, n.String())
	}
	return strings.Join(notes, "; ")
}

func TestNotes(t *testing.T) {
	const answer, other = `{"role":"assistant","content":"a"}`, `{"role":"assistant","content":"b"}`
	for _, test := range []struct {
		format     Format
		line, want string
	}{
		{Alpaca, `{"instruction":"q","output":"a","input":"","text":"t"}`, ""}, // Stanford's own
		{Alpaca, `{"instruction":"","output":"","id":1}`, "line 1: id: not part of the format: it is ignored; line 1: instruction: the text is empty; line 1: output: the text is empty"},
		{TRL, `{"prompt":[` + ask + `],"completion":[` + answer + `],"chat_template_kwargs":{"enable_thinking":false}}`, ""},
		{TRL, `{"prompt":[` + ask + `],"completion":[` + answer + `,` + ask + `,` + answer + `],"score":1}`, "line 1: score: not part of the format: it is ignored"},
		{TRL, `{"prompt":[{"role":"user","content":"q","weight":1}],"completion":[{"role":"assistant","content":""}]}`, "line 1: prompt[0].weight: not part of the format: it is ignored; line 1: completion[0].content: the text is empty"},
		{TRL, `{"prompt":[` + answer + `],"completion":[` + ask + `]}`, "line 1: prompt[0]: the prompt ends with the assistant; line 1: completion: the answer does not begin and end with the assistant"},
		{TRL, `{"messages":[{"role":"system","content":"s"},` + answer + `,{"role":"system"}],"text":"t"}`, "line 1: messages[2].content: no text; line 1: messages[2]: a system message usually comes first; line 1: messages: there is no message of the user; line 1: text: not part of the format: it is ignored"},
		{TRL, `{"prompt":[` + ask + `],"completion":[{"role":"assistant","tool_calls":[{"name":"f","arguments":"{}"}]},{"role":"tool","content":"r"},` + answer + `]}`, "line 1: completion[0].tool_calls[0].arguments: chat templates expect an object, got text"},
		{TRLDPO, `{"chosen":[` + ask + `,` + answer + `],"rejected":[` + ask + `,` + other + `]}`, ""},
		{TRLDPO, `{"chosen":[` + ask + `,` + answer + `],"rejected":[` + ask + `,` + answer + `]}`, "line 1: rejected: the same as chosen: there is nothing to prefer"},
		{TRLDPO, `{"prompt":[` + ask + `],"chosen":[` + ask + `,` + answer + `],"rejected":[` + other + `]}`, "line 1: chosen: the answer does not begin and end with the assistant; line 1: chosen: the prompt is in it again: TRL puts the prompt before it"},
		{TRLDPO, `{"chosen":"abc","rejected":"xyz"}`, "line 1: rejected: begins otherwise than chosen: the prompt is empty"},
		{KTO, `{"prompt":"q","completion":"a","label":1}`, "line 1: label: a number stands for true or false"},
		{KTO, `{"prompt":"q","completion":"a","label":0.0}`, "line 1: label: a number stands for true or false"},
		{KTO, `{"prompt":"q","chosen":"a","rejected":"b","label":true}`, "line 1: label: TRL gives this label to both sides"},
		{TRL, `{"prompt":"q","completion":"a","chosen":[` + answer + `]}`, "line 1: chosen: messages beside text: TRL looks at a random one of them and may leave out the end of the text"},
		{TRL, `{"prompt":"q","completion":"a","images":[]}`, "line 1: images: TRL refuses a file with this column unless the model takes images"},
		{Alpaca, `{"instruction":"q","output":"a","images":["a.png"]}`, "line 1: images: a column for models that take it"},
		{ShareGPT, `{"conversations":[{"from":"user","value":"q"},{"from":"gpt","value":"a","weight":1}],"tools":[]}`, "line 1: tools: LLaMA-Factory expects text that holds the array; line 1: conversations[0].from: user is a name that Axolotl and TRL know; LLaMA-Factory expects human; line 1: conversations[1].weight: not part of the format: it is ignored"},
		{ShareGPT, `{"conversations":[{"from":"human","value":"q"},{"from":"function_call","value":"{}"},{"from":"function_call","value":"{}"},{"from":"observation","value":"r"},{"from":"observation","value":"r"},{"from":"gpt","value":"a"}]}`, "line 1: conversations[2].from: function_call again: LLaMA-Factory skips the example, Axolotl and TRL take it; line 1: conversations[4].from: observation again: LLaMA-Factory skips the example, Axolotl and TRL take it"},
		{OpenAI, `{"messages":[` + ask + `,` + callF + `]}`, `line 1: messages[1].tool_calls[0].function.name: "f" is not among the tools of the example`},
		{OpenAI, `{"messages":[` + ask + `,` + callF + `],` + toolF + `}`, ""},
	} {
		if got := notesOf(t, test.format, test.line); got != test.want {
			t.Errorf("%s %s\n got %s\nwant %s", test.format, test.line, got, test.want)
		}
	}
}

func TestNotesOfOneKindAreCounted(t *testing.T) {
	got := notesOf(t, TRL, strings.Repeat(`{"messages":[{"role":"user","content":"","x":1},{"role":"assistant","content":"","x":1}]}`+"\n", 500))
	if want := "line 1: messages[0].x: not part of the format: it is ignored (and 999 more); line 1: messages[0].content: the text is empty (and 999 more)"; got != want {
		t.Error(got)
	}
	var lines strings.Builder
	for i := range 500 {
		fmt.Fprintf(&lines, `{"instruction":"q","output":"a","key%d":1}`+"\n", i)
	}
	report, err := Check(strings.NewReader(lines.String()), Alpaca)
	if err != nil || !report.Valid() || len(report.Notes) != maxFaults {
		t.Errorf("%d notes, %v", len(report.Notes), err)
	}
}

func TestFormsThatLoadersTake(t *testing.T) {
	const good, bad = `{"instruction":"q","output":"a"}`, `{"instruction":"q"}`
	for _, test := range []struct {
		file         string
		examples     int
		faults, note string
	}{
		{"\ufeff" + good + "\r\n" + good, 2, "", ""},
		{"\ufeff[" + good + "]", 1, "", ""},
		{good + "\n\ufeff" + good, 2, "line 2: not JSON: invalid character '\\ufeff' at start of value, at byte 0", ""},
		{good + "\n\n \n" + bad + "\n", 2, "line 4: output: missing", "line 2: the line is empty (and 1 more)"},
		{good + good + " " + bad, 3, "line 1: output: missing", "line 1: several examples on a line: not every reader takes them"},
		{good + " 7", 1, "line 1: something stands after the end of the JSON object", ""},
		{`{"instruction":"NaN: \"NaN","output":"a","text":"-Inf"}`, 1, "", ""},
		{`{"instruction":"q","output":NaN}`, 1, "line 1: output: want text, got a number", "line 1: NaN and Infinity are not JSON: not every reader takes them"},
		{`{"instruction":"q","output":"\"NaN","history":[["-","-"]],"system":null,"input":null,"text":null,"instruction2":[-Infinity,Inf,NaN]}`, 1, "", "line 1: NaN and Infinity are not JSON: not every reader takes them; line 1: instruction2: not part of the format: it is ignored"},
		{`{"instruction":"q","output":NaNs}`, 1, "line 1: not JSON: invalid character 's' after object value (expecting ',' or '}'), at byte 31", ""},
		{`{"instruction":"q","output":1NaN}`, 1, "line 1: not JSON: invalid character 'N' after object value (expecting ',' or '}'), at byte 29", ""},
	} {
		report, err := Check(strings.NewReader(test.file), Alpaca)
		var faults, notes []string
		for _, f := range report.Faults {
			faults = append(faults, f.String())
		}
		for _, n := range report.Notes {
			notes = append(notes, n.String())
		}
		got, note := strings.Join(faults, "; "), strings.Join(notes, "; ")
		if err != nil || got != test.faults || note != test.note || report.Examples != test.examples {
			t.Errorf("%q: %d examples, %v\n%s\n%s", test.file, report.Examples, err, got, note)
		}
	}
}

func TestOpenAITakesStrictJSONL(t *testing.T) {
	good := `{"messages":[` + ask + `,` + say + `]}`
	for file, want := range map[string]string{
		"\ufeff" + good:      "", // Azure requires the mark
		good + "\n\n" + good: "line 2: the line is empty",
		good + good:          "line 1: something stands after the end of the JSON object",
		`{"messages":NaN}`:   "line 1: not JSON: invalid character 'N' at start of value, at byte 12",
	} {
		report, err := CheckHeldOut(strings.NewReader(file), OpenAI)
		got := ""
		if len(report.Faults) > 0 {
			got = report.Faults[0].String()
		}
		if err != nil || got != want {
			t.Errorf("%q: %s, %v", file, got, err)
		}
	}
}

func TestArraysAndPackedFilesAreChecked(t *testing.T) {
	const good, bad = `{"instruction":"q","output":"a"}`, `{"instruction":"q"}`
	long := `{"instruction":"` + strings.Repeat("q", 100<<10) + `","output":"a"}`
	for _, test := range []struct {
		file     string
		examples int
		want     string
	}{
		{"[" + good + "," + bad + "]", 2, "example 2: output: missing"},
		{" \n[\n  " + good + ",\n  " + bad + "\n]\n", 2, "example 2: output: missing"},
		{"[" + strings.Repeat(long+",", 9) + bad + "]", 10, "example 10: output: missing"},
		{"[]", 0, "0 of the 1 examples that are needed at least"},
		{"[7]", 1, "example 1: want an object, got a number"},
		{"[" + good + "] " + good, 1, "something follows the end of the JSON array"},
		{"[" + good + "," + `{"instruction":`, 1, "example 2: not JSON: it ends in the middle; what follows is not checked"},
		{"[" + good + `,{"a":1,"a":2},` + good + "]", 1, "example 2: not JSON: duplicate object member name, at byte 41; what follows is not checked"},
		{"[" + good, 1, "example 2: not JSON: it ends in the middle; what follows is not checked"},
		{"[" + strings.Repeat(" ", maxLine+1) + "]", 0, "example 1: over 64 MiB long; what follows is not checked; 0 of the 1 examples that are needed at least"},
		{good + "\n" + bad, 2, "line 2: output: missing"},
	} {
		for name, file := range packings(t, test.file) {
			report, err := Check(file, Alpaca)
			var faults []string
			for _, f := range report.Faults {
				faults = append(faults, f.String())
			}
			if got := strings.Join(faults, "; "); err != nil || got != test.want || report.Examples != test.examples {
				t.Errorf("%s %.80s: %d examples, %s, %v, want %d, %s", name, test.file, report.Examples, got, err, test.examples, test.want)
			}
		}
	}
}

// packings returns a file as it is and packed.
func packings(t *testing.T, file string) map[string]*bytes.Buffer {
	t.Helper()
	var zipped, zst bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(file)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enc.Write([]byte(file)); err != nil {
		t.Fatal(err)
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string]*bytes.Buffer{"plain": bytes.NewBufferString(file), "gzip": &zipped, "zstd": &zst}
}

func TestATornPackedFileIsAnError(t *testing.T) {
	whole := packings(t, strings.Repeat(`{"instruction":"q","output":"a"}`+"\n", 100))["gzip"].Bytes()
	if _, err := Check(bytes.NewReader(whole[:len(whole)/2]), Alpaca); err == nil || !strings.Contains(err.Error(), "unpack gzip") {
		t.Errorf("got %v", err)
	}
}

func TestOpenAITakesNoArrays(t *testing.T) {
	array := `[{"messages":[` + ask + `,` + say + `]}]`
	if got := notesOf(t, OpenAI, array); got != "a JSON array: OpenAI takes JSONL, one example a line" {
		t.Error(got)
	}
}
