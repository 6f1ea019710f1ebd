package finetune

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

const ask = `{"role":"user","content":"q"}`

// faultsOf checks lines as a held-out part and returns its faults.
func faultsOf(t *testing.T, f Format, lines ...string) []string {
	t.Helper()
	report, err := CheckHeldOut(strings.NewReader(strings.Join(lines, "\n")), f)
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	for _, fault := range report.Faults {
		faults = append(faults, fault.String())
	}
	return faults
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		format Format
		line   string
		want   string // the faults, joined; empty: none
	}{
		// Not an example at all.
		{OpenAI, ``, ""},
		{OpenAI, "\n" + `{}`, "line 1: the line is empty; line 2: messages: missing"},
		{OpenAI, `{"messages":[`, "line 1: not JSON: it ends in the middle"},
		{OpenAI, `{"messages":[]} {}`, "line 1: something stands after the end of the JSON object"},
		{OpenAI, `{'messages':[]}`, `line 1: not JSON: invalid character '\'' at start of string (expecting '"'), at byte 1`},
		{OpenAI, `{"messages":[` + ask + `],"messages":[]}`, "line 1: not JSON: duplicate object member name, at byte 44"},
		{OpenAI, "{\"messages\":\"\xff\"}", "line 1: not JSON: invalid UTF-8, at byte 13"},
		{Alpaca, "{\"instruction\":\"q\",\"output\":\"a\"}\n[]", "line 2: want an object, got an array"},

		// OpenAI: keys, roles and their order, what a message says, weights.
		{OpenAI, `{"messages":[{"role":"system","content":"s"},` + ask + `,{"role":"assistant","content":"a","weight":1}]}`, ""},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":"a","weight":0},` + ask + `,{"role":"assistant","content":"a"}]}`, ""},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":"a"}],"id":"7"}`, "line 1: id: an example has no such key"},
		{OpenAI, `{"messages":{}}`, "line 1: messages: want an array, got an object"},
		{OpenAI, `{"messages":[]}`, "line 1: messages: want at least one"},
		{OpenAI, `{"messages":[` + ask + `]}`, "line 1: messages[0]: the last message must be of the assistant, not of the user"},
		{OpenAI, `{"messages":[{"role":"assistant","content":"a"}]}`, "line 1: messages: there is no message of the user"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"system","content":"s"},{"role":"assistant","content":"a"}]}`, "line 1: messages[1]: a system message comes first"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"bot","content":"a"}]}`, `line 1: messages[1].role: "bot" is no role here`},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":""}]}`, "line 1: messages[1].content: want text, it is empty"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":null}]}`, "line 1: messages[1].content: want text, got null"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant"}]}`, "line 1: messages[1].content: missing"},
		{OpenAI, `{"messages":[` + ask + `,{"content":"a"}]}`, "line 1: messages[1].role: missing"},
		{OpenAI, `{"messages":["q",{"role":"assistant","content":"a"}]}`, "line 1: messages[0]: want an object, got text"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":"a","weight":2}]}`, "line 1: messages[1].weight: want 0 or 1, got 2"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":"a","weight":0.5}]}`, "line 1: messages[1].weight: want 0 or 1, got 0.5"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":"a","weight":true}]}`, "line 1: messages[1].weight: want 0 or 1, got true"},
		{OpenAI, `{"messages":[{"role":"user","content":"q","weight":1},{"role":"assistant","content":"a"}]}`, "line 1: messages[0].weight: a message of role user has no such key"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":"a","score":1}]}`, "line 1: messages[1].score: a message of role assistant has no such key"},
		{OpenAI, `{"messages":[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":"a"}]}`, ""},
		{OpenAI, `{"messages":[{"role":"user","content":[{"text":"q"},"q"]},{"role":"assistant","content":"a"}]}`, "line 1: messages[0].content[0].type: missing; line 1: messages[0].content[1]: want an object, got text"},
		{OpenAI, `{"messages":[` + ask + `,{"role":"assistant","content":7,"refusal":"no"}]}`, "line 1: messages[1].content: want text, got a number"},

		// OpenAI's preferences: a prompt, exactly one message on each side.
		{OpenAIDPO, `{"input":{"messages":[` + ask + `]},"preferred_output":[{"role":"assistant","content":"a"}],"non_preferred_output":[{"role":"assistant","content":"b"}]}`, ""},
		{OpenAIDPO, `{"input":{"messages":[` + ask + `]},"preferred_output":[{"role":"assistant","content":"a"},{"role":"assistant","content":"a"}],"non_preferred_output":[]}`, "line 1: preferred_output: want exactly one message, got 2; line 1: non_preferred_output: want at least one"},
		{OpenAIDPO, `{"input":{"messages":[` + ask + `]},"preferred_output":[` + ask + `]}`, "line 1: preferred_output[0]: want a message of the assistant, not of the user; line 1: non_preferred_output: missing"},
		{OpenAIDPO, `{"input":{"messages":[` + ask + `,{"role":"assistant","content":"a"}],"n":1},"preferred_output":[{"role":"assistant","content":"a"}],"non_preferred_output":[{"role":"assistant","content":"b"}]}`, "line 1: input.n: an input has no such key; line 1: input.messages[1]: the last message must be of the user, not of the assistant"},
		{OpenAIDPO, `{"input":{"messages":[` + ask + `]},"preferred_output":[{"role":"assistant","content":"a"}],"non_preferred_output":[{"content":"\u0061", "role":"assistant"}],"score":1}`, "line 1: score: an example has no such key; line 1: non_preferred_output: the same as preferred_output: there is nothing to prefer"},
		{OpenAIDPO, `{"input":"q","preferred_output":"a","non_preferred_output":"b"}`, "line 1: input: want an object, got text; line 1: preferred_output: want an array, got text; line 1: non_preferred_output: want an array, got text"},

		// TRL: see testdata/trainers.jsonl for what is valid.
		{TRL, `{"completion":"a"}`, "line 1: prompt: missing"},
		{TRL, `{"prompt":[` + ask + `],"completion":"a"}`, "line 1: completion: want an array, as the file began with, got text"},
		{TRL, `{"prompt":"q","completion":"a"}` + "\n" + `{"prompt":[` + ask + `],"completion":"a"}`, "line 2: prompt: want text, as the file began with, got an array"},
		{TRL, `{"messages":[` + ask + `]}` + "\n" + `{"messages":[` + ask + `],"prompt":"q"}`, "line 2: prompt: the first example has none, and all examples have the same columns"},
		{TRL, `{"prompt":"q","completion":"a","tools":"f(x)"}`, "line 1: tools: the text is not JSON: want an array of tools"},
		{TRL, `{"prompt":"q","completion":"a","chat_template_kwargs":null}`, "line 1: chat_template_kwargs: want an object, got null"},
		{TRL, `{"prompt":"q","completion":"a"}` + "\n" + `{"prompt":"q","completion":"a","chat_template_kwargs":{}}`, "line 2: chat_template_kwargs: the first example has none: TRL fails on an example without, if another one has it"},
		{TRL, `{"prompt":"q","completion":"a","chat_template_kwargs":{}}` + "\n" + `{"prompt":"q","completion":"a"}`, "line 2: chat_template_kwargs: missing, and the first example has it: TRL fails on an example without"},
		{TRL, `{"prompt":[{"role":"user","content":7}],"completion":[{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}]}`, "line 1: prompt[0].content: want text, got a number; line 1: completion[0].tool_calls[0].function.arguments: missing"},

		{TRL, `{"messages":[` + ask + `],"chosen":null,"completion":[]}`, "line 1: completion: want at least one: TRL looks at a random one of this column and messages and may fail; line 1: chosen: not messages, and messages is: TRL looks at a random one of them and may fail"},
		{TRL, `{"text":"q","chosen":[` + ask + `]}`, "line 1: chosen: messages beside text: TRL takes the example for a conversation and fails"},
		{TRL, `{"messages":[` + ask + `],"labels":[1]}`, "line 1: labels: TRL takes this column for tokens of the text that it would make itself"},
		{TRL, `{"messages":[` + ask + `],"chat_template_kwargs":{"tokenize":true,"tools":[]}}`, "line 1: chat_template_kwargs.tokenize: TRL passes an argument of this name itself"},
		{TRL, `{"conversations":[{"from":"user"}]}`, "line 1: conversations[0].value: missing"},
		{TRLDPO, `{"chosen":"q a","rejected":""}`, "line 1: rejected: one of the texts is empty, so there is no prompt that both begin with"},
		{TRLDPO, `{"prompt":"q","chosen":"a","rejected":"b","ref_chosen_logps":"x"}`, "line 1: ref_chosen_logps: want a number, got text"},
		{KTO, `{"chosen":"q a","rejected":"q b","label":"yes"}`, "line 1: label: want true or false, got text"},

		{TRLDPO, `{"prompt":"q","chosen":[` + ask + `],"rejected":[` + ask + `]}`, "line 1: prompt: text beside messages: without it TRL takes the prompt from what chosen and rejected begin with"},
		{TRLDPO, `{"chosen":[` + ask + `],"rejected":[{"role":"user","content":"other"}]}`, "line 1: rejected: begins with another message than chosen: there is no prompt"},
		{TRLDPO, `{"prompt":"q","chosen":"a"}`, "line 1: rejected: missing"},

		{KTO, `{"prompt":"q","completion":"a","label":"yes"}`, "line 1: label: want true or false, got text"},
		{KTO, `{"prompt":"q","completion":"a"}`, "line 1: label: missing"},

		{ShareGPT, `{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"id":"7"}`, ""},
		{ShareGPT, `{"conversations":[{"from":"human","value":"q"},{"from":"function_call","value":"{}"},{"from":"observation","value":"r"},{"from":"observation","value":"r"},{"from":"gpt","value":"a"}],"system":"s","tools":"[]"}`, ""},
		{ShareGPT, `{"conversations":[{"from":"human","value":"q"}],"score":1}`, `line 1: conversations[0]: the last turn must be gpt's, not "human"'s`},
		{ShareGPT, `{"conversations":[{"from":"gpt","value":"a"}]}`, "line 1: conversations[0].from: want human or observation at this place, got gpt"},
		{ShareGPT, `{"conversations":[{"from":"human","value":"q"},{"from":"human","value":"q"},{"from":"gpt","value":""}]}`, "line 1: conversations[1].from: want gpt or function_call at this place, got human"},
		{ShareGPT, `{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"},{"from":"gpt","value":"a"}]}`, "line 1: conversations[2].from: want human or observation at this place, got gpt"},
		{ShareGPT, `{"conversations":[{"from":"human","value":"q"},{"from":"system","value":"s"},{"from":"gpt","value":"a"}]}`, "line 1: conversations[1].from: system comes first"},
		{ShareGPT, `{"conversations":[{"from":"bing","value":"q"},{"from":"gpt","text":"a"}],"tools":"f"}`, `line 1: tools: the text is not JSON: want an array of tools; line 1: conversations[0].from: "bing" is nobody here: want human, gpt, system, observation or function_call; line 1: conversations[1].value: missing`},

		{Alpaca, `{"instruction":"q","input":null,"output":"a","system":"s","history":[["q","a"]]}`, ""},
		{Alpaca, `{"instruction":"q","output":"a","history":[]}`, ""},
		{Alpaca, `{"instruction":7,"input":[]}`, "line 1: instruction: want text, got a number; line 1: output: missing; line 1: input: want text, got an array"},
		{Alpaca, `{"instruction":"q","output":"a","history":[["q"],"a"]}`, "line 1: history[0]: want a question and its answer, got 1; line 1: history[1]: want an array, got text"},
	} {
		if got := strings.Join(faultsOf(t, test.format, test.line), "; "); got != test.want {
			t.Errorf("%s %s\n got %s\nwant %s", test.format, test.line, got, test.want)
		}
	}
}

func TestTenExamplesForOpenAI(t *testing.T) {
	e := Example{Problem: "q", Solution: "a", Rejected: "b"}
	for _, f := range Formats() {
		least := f.MinExamples()
		file := strings.Repeat(string(f.AppendJSON(nil, e))+"\n", least-1)
		report, err := Check(strings.NewReader(file), f)
		if err != nil || report.Valid() || report.Faults[0].Line != 0 || report.Invalid != 0 {
			t.Errorf("%s, %d examples: %+v, %v", f, least-1, report, err)
		}
		report, err = CheckHeldOut(strings.NewReader(file), f)
		if err != nil || !report.Valid() {
			t.Errorf("%s, %d examples held out: %+v, %v", f, least-1, report, err)
		}
		file += string(f.AppendJSON(nil, e)) // the last line needs no end
		report, err = Check(strings.NewReader(file), f)
		if err != nil || !report.Valid() || report.Examples != least {
			t.Errorf("%s, %d examples: %+v, %v", f, least, report, err)
		}
	}
	if OpenAI.MinExamples() != 10 || OpenAIDPO.MinExamples() != 10 {
		t.Error("OpenAI asks for 10 examples")
	}
}

func TestFaultsAreCountedButBounded(t *testing.T) {
	report, err := Check(strings.NewReader(strings.Repeat("{}\n", 150)), Alpaca)
	if err != nil || len(report.Faults) != 100 || report.Found != 300 || report.Invalid != 150 || report.Examples != 150 {
		t.Errorf("%d kept of %d in %d of %d lines, %v", len(report.Faults), report.Found, report.Invalid, report.Examples, err)
	}
}

func TestALongKeyIsCut(t *testing.T) {
	got := faultsOf(t, OpenAI, `{"messages":[`+ask+`,{"role":"assistant","content":"a"}],"x`+strings.Repeat("é", 1<<20)+`":1}`)
	if want := "line 1: x" + strings.Repeat("é", 99) + "…: an example has no such key"; fmt.Sprint(got) != "["+want+"]" {
		t.Errorf("got %.300q", got)
	}
}

func TestALineWithoutEnd(t *testing.T) {
	got := faultsOf(t, OpenAI, "7", strings.Repeat(" ", maxLine+1))
	want := "[line 1: want an object, got a number line 2: over 64 MiB without an end of line: one example a line (JSONL); what follows is not checked]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v", got)
	}
}

func TestTheErrorIsTheReaders(t *testing.T) {
	broken := errors.New("broken")
	if _, err := Check(iotest.ErrReader(broken), KTO); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// Whatever a file holds, a check ends, and counts what it finds.
func FuzzCheck(f *testing.F) {
	for i := range Formats() {
		f.Add(uint8(i), `{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{}]}]}`)
		f.Add(uint8(i), `{"prompt":[{}],"completion":"a","chosen":[],"rejected":null,"label":0}`)
		f.Add(uint8(i), `{"conversations":[{"from":"system"}],"input":{"messages":1},"history":[[]]}`)
	}
	f.Fuzz(func(t *testing.T, format uint8, file string) {
		r, err := Check(strings.NewReader(file), Formats()[int(format)%len(Formats())])
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Faults) > r.Found || r.Invalid > r.Examples || r.Invalid > r.Found {
			t.Errorf("%+v", r)
		}
	})
}
