package finetune

import (
	"strings"
	"testing"
)

// Messages of tools, in which %s is replaced by what is before them.
const (
	callF  = `{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	callFF = `{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}`
	tell1  = `{"role":"tool","tool_call_id":"1","content":"r"}`
	tell2  = `{"role":"tool","tool_call_id":"2","content":""}`
	say    = `{"role":"assistant","content":"a"}`
	toolF  = `"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}}]`
)

func TestToolCallsOfOpenAI(t *testing.T) {
	for _, test := range []struct{ messages, want string }{
		// Valid.
		{ask + "," + callF, ""}, // the call is what is trained
		{ask + "," + callF + "," + tell1 + "," + say, ""},
		{ask + "," + callFF + "," + tell2 + "," + tell1 + "," + say, ""}, // in any order
		{ask + "," + callF + "," + tell1 + "," + callF + "," + tell1 + "," + say + "," + ask + "," + callF, ""},
		{ask + `,{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}`, ""},
		{ask + `,{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":null},` + say, ""},

		// What is called and what is answered.
		{ask + "," + callF + "," + say, `messages[2]: the call "1" is not answered before this message of the assistant`},
		{ask + "," + callF + "," + ask + "," + say, `messages[2]: the call "1" is not answered before this message of the user`},
		{ask + "," + callFF + "," + tell1 + "," + say, `messages[3]: the call "2" is not answered before this message of the assistant`},
		{ask + "," + callF + "," + callFF, `messages[2]: the call "1" is not answered before this message of the assistant`},
		{ask + "," + callF + "," + tell2 + "," + say, `messages[2]: a tool's message comes after an assistant's that calls it: no call has the id "2"; messages[3]: the call "1" is not answered before this message of the assistant`},
		{ask + "," + callF + "," + tell1 + "," + tell1 + "," + say, `messages[3]: the call "1" is answered already`},
		{ask + "," + callF + "," + tell1 + "," + say + "," + tell1 + "," + say, `messages[4]: a tool's message comes after an assistant's that calls it: no call has the id "1"`},
		{ask + "," + tell1 + "," + say, `messages[1]: a tool's message comes after an assistant's that calls it: no call has the id "1"`},
		{ask + "," + callF + "," + tell1, `messages[2]: the last message must be of the assistant, not of the tool`},
		{ask + `,{"role":"function","name":"f","content":"r"},` + say, `messages[1]: a function's message comes after an assistant's that calls it`},
		{ask + "," + callF + `,{"role":"tool","content":"r"},` + say, `messages[2].tool_call_id: missing; messages[3]: the call "1" is not answered before this message of the assistant`},

		// What a call is.
		{ask + `,{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{"a":1}}}]}`, "messages[1].tool_calls[0].function.arguments: want text, got an object"},
		{ask + `,{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"a=1"}}]}`, `messages[1].tool_calls[0].function.arguments: want text that holds a JSON object, got "a=1"`},
		{ask + `,{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":""}}]}`, `messages[1].tool_calls[0].function.arguments: want text that holds a JSON object, got ""`},
		{ask + `,{"role":"assistant","tool_calls":[{"id":"1","type":"web","function":{"name":"my f","arguments":"{}","n":1}}]}`, `messages[1].tool_calls[0].type: want function, got "web"; messages[1].tool_calls[0].function.n: a call has no such key; messages[1].tool_calls[0].function.name: the name of a function has 1 to 64 of a-z, A-Z, 0-9, _ and -`},
		{ask + `,{"role":"assistant","tool_calls":[{}]}`, "messages[1].tool_calls[0].id: missing; messages[1].tool_calls[0].type: missing; messages[1].tool_calls[0].function: missing"},
		{ask + `,{"role":"assistant","tool_calls":[]}`, "messages[1].tool_calls: want at least one"},
		{ask + `,{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}`, `messages[1].tool_calls[1].id: "1" is the id of another call too`},
		{ask + `,{"role":"assistant","content":null,"function_call":{"name":"f","arguments":{}}}`, "messages[1].function_call.arguments: want text, got an object"},
	} {
		got := strings.Join(faultsOf(t, OpenAI, `{"messages":[`+test.messages+`],`+toolF+`}`), "; ")
		if got = strings.ReplaceAll(got, "line 1: ", ""); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.messages, got, test.want)
		}
	}
}

func TestExamplesOfOpenAI(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		// Tools.
		{`{"messages":[` + ask + `,` + say + `],"tools":[],"parallel_tool_calls":false}`, ""},
		{`{"messages":[` + ask + `,` + say + `],"parallel_tool_calls":"no"}`, "parallel_tool_calls: want true or false, got text"},
		{`{"messages":[` + ask + `,` + say + `],"tools":[{"type":"function","function":{"parameters":"none","returns":1}},{"name":"f"},7]}`, "tools[0].function.returns: a function has no such key; tools[0].function.parameters: want an object, got text; tools[0].function.name: missing; tools[1].name: a tool has no such key; tools[1].type: missing; tools[1].function: missing; tools[2]: want an object, got a number"},
		{`{"messages":[` + ask + `,` + say + `],"functions":[]}`, "functions: want at least one"},

		// Weights.
		{`{"messages":[` + ask + `,{"role":"assistant","content":"a","weight":0},` + ask + `,{"role":"assistant","content":"a","weight":0}]}`, "messages: every message of the assistant has weight 0: there is nothing to train on"},
		{`{"messages":[` + ask + `,{"role":"assistant","content":"a","weight":1},` + ask + `,{"role":"assistant","content":"a","weight":0}]}`, ""},

		// Names, refusals, contents.
		{`{"messages":[{"role":"user","content":"q","name":"ann-1.b"},` + say + `]}`, ""},
		{`{"messages":[{"role":"user","content":"q","name":"Ann B"},` + say + `]}`, `messages[0].name: a name has no white space and none of < | \ / >`},
		{`{"messages":[{"role":"user","content":"q","name":7},` + say + `]}`, "messages[0].name: want text, got a number"},
		{`{"messages":[` + ask + `,{"role":"assistant","content":"a","refusal":null}]}`, ""},
		{`{"messages":[` + ask + `,{"role":"assistant","content":null,"refusal":"no"}]}`, "messages[1].content: want text, got null"},
		{`{"messages":[` + ask + `,{"role":"assistant","refusal":7,"content":"a"}]}`, "messages[1].refusal: want text, got a number"},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example/b.png","detail":"low"}}]},{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}]}`, ""},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"https://a.example/b.png"}]},{"role":"assistant","content":[{"type":"image_url"}]}]}`, `messages[0].content[0].image_url: want an object, got text; messages[1].content[0].type: "image_url" is no part of a message of role assistant`},
		{`{"messages":[{"role":"user","content":[{"type":"text"}]},` + say + `]}`, "messages[0].content[0].text: missing"},
	} {
		got := strings.Join(faultsOf(t, OpenAI, test.line), "; ")
		if got = strings.ReplaceAll(got, "line 1: ", ""); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.line, got, test.want)
		}
	}
}

func TestToolCallsInPreferencesOfOpenAI(t *testing.T) {
	const better, worse = `"preferred_output":[` + say + `]`, `"non_preferred_output":[` + callF + `]`
	for _, test := range []struct{ line, want string }{
		{`{"input":{"messages":[` + ask + `,` + callF + `,` + tell1 + `],` + toolF + `},` + better + `,` + worse + `}`, ""},
		{`{"input":{"messages":[` + ask + `,` + callF + `,` + ask + `],` + toolF + `},` + better + `,` + worse + `}`, `input.messages[2]: the call "1" is not answered before this message of the user`},
		{`{"input":{"messages":[` + ask + `]},` + better + `,"non_preferred_output":[{"role":"assistant","content":"b","weight":1}]}`, "non_preferred_output[0].weight: an answer of a preference has no such key"},
	} {
		got := strings.Join(faultsOf(t, OpenAIDPO, test.line), "; ")
		if got = strings.ReplaceAll(got, "line 1: ", ""); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.line, got, test.want)
		}
	}
}
