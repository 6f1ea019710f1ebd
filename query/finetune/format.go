// Package finetune knows the files that fine-tunes are fed with: how an example
// is written in each format, and by which published rules a file is valid.
//
// All formats are JSONL, one example a line. What a line looks like, with a system
// prompt (s), a problem (p) and its solution (a); of a pair, b is the worse answer:
//
//	openai      {"messages":[{"role":"system","content":s},{"role":"user","content":p},{"role":"assistant","content":a}]}
//	openai-dpo  {"input":{"messages":[system,user]},"preferred_output":[{"role":"assistant","content":a}],"non_preferred_output":[{"role":"assistant","content":b}]}
//	trl         {"prompt":[system,user],"completion":[{"role":"assistant","content":a}]}
//	trl-dpo     {"prompt":[system,user],"chosen":[{"role":"assistant","content":a}],"rejected":[{"role":"assistant","content":b}]}
//	kto         {"prompt":[system,user],"completion":[{"role":"assistant","content":a}],"label":true}
//	sharegpt    {"conversations":[{"from":"system","value":s},{"from":"human","value":p},{"from":"gpt","value":a}]}
//	alpaca      {"instruction":p,"input":"","output":a,"system":s}
//
// Without a system prompt its message, or alpaca's key, is left out. The package
// does no I/O but reading what it checks; where files lie is package dataset's.
package finetune

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Format is the name of a format.
type Format string

// The formats.
const (
	OpenAI    Format = "openai"     // OpenAI's chat format for supervised fine-tuning
	OpenAIDPO Format = "openai-dpo" // OpenAI's preference format
	TRL       Format = "trl"        // TRL's conversational prompt-completion type
	TRLDPO    Format = "trl-dpo"    // TRL's conversational preference type
	KTO       Format = "kto"        // TRL's conversational unpaired preference type
	ShareGPT  Format = "sharegpt"   // conversations of human and gpt
	Alpaca    Format = "alpaca"     // instruction, input, output
)

// Formats lists the formats, in the order of their documentation.
func Formats() []Format {
	return []Format{OpenAI, OpenAIDPO, TRL, TRLDPO, KTO, ShareGPT, Alpaca}
}

// ParseFormat reads the name of a format.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats(), f) {
		return f, nil
	}
	names := make([]string, len(Formats()))
	for i, f := range Formats() {
		names[i] = string(f)
	}
	return "", fmt.Errorf("unknown format %q: want %s or %s", name, strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
}

// Paired reports whether an example of the format is a pair: a better and a worse
// answer to the same problem.
func (f Format) Paired() bool { return f == OpenAIDPO || f == TRLDPO }

// Labelled reports whether an example of the format says if its answer is wanted,
// so that poor answers are examples too.
func (f Format) Labelled() bool { return f == KTO }

// Example is one example, whatever its format. Its texts are valid UTF-8.
type Example struct {
	System   string // what stands before the problem; empty: nothing
	Problem  string
	Solution string // in a pair the better one
	Rejected string // the worse one of a pair; else unused
	Wanted   bool   // the label in a format of labels; else unused
}

// AppendJSON appends the example in a format as one line of compact JSON, without
// a newline. The same example gives the same bytes.
func (f Format) AppendJSON(dst []byte, e Example) []byte {
	switch f {
	case OpenAI:
		dst = append(dst, `{"messages":[`...)
		dst = append(appendPrompt(dst, e), ',')
		dst = append(appendMessage(dst, "assistant", e.Solution), ']')
	case OpenAIDPO:
		dst = append(dst, `{"input":{"messages":[`...)
		dst = append(appendPrompt(dst, e), `]},`...)
		dst = append(appendAnswer(dst, "preferred_output", e.Solution), ',')
		dst = appendAnswer(dst, "non_preferred_output", e.Rejected)
	case TRL:
		dst = append(appendTRLPrompt(dst, e), ',')
		dst = appendAnswer(dst, "completion", e.Solution)
	case TRLDPO:
		dst = append(appendTRLPrompt(dst, e), ',')
		dst = append(appendAnswer(dst, "chosen", e.Solution), ',')
		dst = appendAnswer(dst, "rejected", e.Rejected)
	case KTO:
		dst = append(appendTRLPrompt(dst, e), ',')
		dst = append(appendAnswer(dst, "completion", e.Solution), ',')
		dst = fmt.Appendf(dst, `"label":%t`, e.Wanted)
	case ShareGPT:
		dst = append(dst, `{"conversations":[`...)
		if e.System != "" {
			dst = append(appendTurn(dst, "system", e.System), ',')
		}
		dst = append(appendTurn(dst, "human", e.Problem), ',')
		dst = append(appendTurn(dst, "gpt", e.Solution), ']')
	case Alpaca:
		dst = append(appendMember(append(dst, '{'), "instruction", e.Problem), `,"input":"",`...)
		dst = appendMember(dst, "output", e.Solution)
		if e.System != "" {
			dst = appendMember(append(dst, ','), "system", e.System)
		}
	}
	return append(dst, '}')
}

// appendPrompt appends the messages before the answer.
func appendPrompt(dst []byte, e Example) []byte {
	if e.System != "" {
		dst = append(appendMessage(dst, "system", e.System), ',')
	}
	return appendMessage(dst, "user", e.Problem)
}

func appendTRLPrompt(dst []byte, e Example) []byte {
	return append(appendPrompt(append(dst, `{"prompt":[`...), e), ']')
}

// appendAnswer appends a member that holds one message of the assistant.
func appendAnswer(dst []byte, name, content string) []byte {
	dst = fmt.Appendf(dst, `"%s":[`, name)
	return append(appendMessage(dst, "assistant", content), ']')
}

func appendMessage(dst []byte, role, content string) []byte {
	dst = append(appendMember(append(dst, '{'), "role", role), ',')
	return append(appendMember(dst, "content", content), '}')
}

func appendTurn(dst []byte, from, value string) []byte {
	dst = append(appendMember(append(dst, '{'), "from", from), ',')
	return append(appendMember(dst, "value", value), '}')
}

func appendMember(dst []byte, name, text string) []byte {
	dst = fmt.Appendf(dst, `"%s":`, name)
	dst, _ = jsontext.AppendQuote(dst, text) // fails on what is not UTF-8 only
	return dst
}
