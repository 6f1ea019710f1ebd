package finetune

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// The rules, and where they are published:
//
//   - openai, openai-dpo: OpenAI's API reference (the per-line objects
//     FineTuneChatRequestInput and FineTunePreferenceRequestInput), its guides on
//     supervised fine-tuning (at least 10 examples) and on direct preference
//     optimization, and the format checks of its cookbook ("Data preparation and
//     analysis for chat model fine-tuning").
//   - trl, trl-dpo, kto: TRL's "Dataset formats and types".
//   - sharegpt, alpaca: the data README of LLaMA-Factory.
//
// Where those are silent, a file is judged by what the sources' examples have in
// common: a system message comes first, the user says something, the answer is
// last, and no text is empty. Preferences have their prompt apart and one message
// on each side, which differ. Tools and parts of content are checked in outline.

// follow checks one example by the rules of the format.
func (c *checker) follow(v value) {
	o, ok := c.object(v)
	if !ok {
		return
	}
	switch c.format {
	case OpenAI:
		c.only(o, "an example", []string{"messages", "tools", "parallel_tool_calls", "functions"})
		c.ends(c.dialogue(o.get("messages"), openAIKeys), "assistant")
	case OpenAIDPO:
		c.openAIPreference(o)
	case TRL:
		c.only(o, "an example", []string{"prompt", "completion", "tools"})
		c.prompt(o.get("prompt"))
		c.completion(o.get("completion"))
	case TRLDPO:
		c.only(o, "an example", []string{"prompt", "chosen", "rejected", "tools"})
		c.prompt(o.get("prompt"))
		c.sides(o.get("chosen"), o.get("rejected"), c.side)
	case KTO:
		c.only(o, "an example", []string{"prompt", "completion", "label", "tools"})
		c.prompt(o.get("prompt"))
		c.completion(o.get("completion"))
		if label := o.get("label"); label.raw.Kind() != 'f' {
			c.want(label, 't')
		}
	case ShareGPT:
		c.shareGPT(o)
	case Alpaca:
		c.alpaca(o)
	}
}

// The keys that a message may have, by its role.
var (
	openAIKeys = map[string][]string{
		"system":    {"role", "content", "name"},
		"user":      {"role", "content", "name"},
		"assistant": {"role", "content", "name", "refusal", "tool_calls", "function_call", "weight"},
		"tool":      {"role", "content", "tool_call_id"},
		"function":  {"role", "content", "name"},
	}
	trlKeys = map[string][]string{
		"system":    {"role", "content"},
		"user":      {"role", "content", "name"},
		"assistant": {"role", "content", "name", "tool_calls"},
		"tool":      {"role", "content", "name", "tool_call_id"},
	}
)

// turn is a message whose role is known.
type turn struct {
	at    string
	role  string
	calls bool // it calls a tool
}

// dialogue checks messages and their order, but for how they end. What is no
// message is no turn.
func (c *checker) dialogue(v value, keys map[string][]string) []turn {
	messages, _ := c.list(v)
	var turns []turn
	for _, m := range messages {
		if t, ok := c.message(m, keys); ok {
			turns = append(turns, t)
		}
	}
	if len(turns) < len(messages) {
		return turns // a fault already, and the order says little
	}
	c.order(turns)
	if len(turns) > 0 && !slices.ContainsFunc(turns, func(t turn) bool { return t.role == "user" }) {
		c.fault(v.at, "there is no message of the user")
	}
	return turns
}

// order checks who follows whom.
func (c *checker) order(turns []turn) {
	for i, t := range turns {
		switch {
		case t.role == "system" && i > 0:
			c.fault(t.at, "a system message comes first")
		case (t.role == "tool" || t.role == "function") && (i == 0 || !turns[i-1].calls):
			c.fault(t.at, "a %s's message comes after an assistant's that calls it", t.role)
		}
		if t.role == "tool" && i > 0 { // several may answer
			turns[i].calls = turns[i-1].calls
		}
	}
}

// ends checks whose message is last.
func (c *checker) ends(turns []turn, roles ...string) {
	if len(turns) == 0 {
		return // a fault already
	}
	if last := turns[len(turns)-1]; !slices.Contains(roles, last.role) {
		c.fault(last.at, "the last message must be of the %s, not of the %s", roles[0], last.role)
	}
}

// message checks one message but for its place.
func (c *checker) message(v value, keys map[string][]string) (turn, bool) {
	o, ok := c.object(v)
	if !ok {
		return turn{}, false
	}
	role, ok := c.text(o.get("role"))
	if !ok {
		return turn{}, false
	}
	known, ok := keys[role]
	if !ok {
		c.fault(o.get("role").at, "%.40q is no role here", role)
		return turn{}, false
	}
	c.only(o, "a message of role "+role, known)
	t := turn{at: v.at, role: role, calls: o.has("tool_calls") || o.has("function_call")}
	needless := t.calls || o.has("refusal") // then content may be null, or not there
	if content := o.get("content"); !needless || content.raw != nil && content.raw.Kind() != 'n' {
		c.content(content)
	}
	if w := string(o.members["weight"]); role == "assistant" && o.has("weight") && w != "0" && w != "1" {
		c.fault(o.get("weight").at, "want 0 or 1, got %.40s", w)
	}
	if o.has("tool_calls") {
		c.list(o.get("tool_calls"))
	}
	return t, true
}

// content checks what a message says: text, or parts that have a type.
func (c *checker) content(v value) {
	if v.raw.Kind() != '[' {
		c.text(v)
		return
	}
	parts, _ := c.list(v)
	for _, p := range parts {
		if o, ok := c.object(p); ok {
			c.text(o.get("type"))
		}
	}
}

func (c *checker) openAIPreference(o object) {
	c.only(o, "an example", []string{"input", "preferred_output", "non_preferred_output"})
	if in, ok := c.object(o.get("input")); ok {
		c.only(in, "an input", []string{"messages", "tools", "parallel_tool_calls"})
		c.ends(c.dialogue(in.get("messages"), openAIKeys), "user", "tool", "function")
	}
	c.sides(o.get("preferred_output"), o.get("non_preferred_output"), func(v value) {
		c.answer(v, openAIKeys)
	})
}

// sides checks the two sides of a preference, each by itself and that they differ.
func (c *checker) sides(better, worse value, check func(value)) {
	check(better)
	check(worse)
	if better.raw != nil && worse.raw != nil && bytes.Equal(canonical(better.raw), canonical(worse.raw)) {
		c.fault(worse.at, "the same as %s: there is nothing to prefer", better.at)
	}
}

// canonical returns a valid value in the form of RFC 8785, in which equal values
// are equal bytes.
func canonical(raw jsontext.Value) jsontext.Value {
	raw = raw.Clone()
	_ = raw.Canonicalize()
	return raw
}

// answer checks that there is exactly one message, of the assistant.
func (c *checker) answer(v value, keys map[string][]string) {
	messages, ok := c.list(v)
	if !ok {
		return
	}
	if len(messages) > 1 {
		c.fault(v.at, "want exactly one message, got %d", len(messages))
	}
	if t, ok := c.message(messages[0], keys); ok && t.role != "assistant" {
		c.fault(t.at, "want a message of the assistant, not of the %s", t.role)
	}
}

// prompt checks what TRL has before an answer.
func (c *checker) prompt(v value) {
	if c.shaped(v) == '[' {
		c.ends(c.dialogue(v, trlKeys), "user", "tool")
	}
}

// completion checks an answer of TRL, which may be several messages.
func (c *checker) completion(v value) {
	if c.shaped(v) != '[' {
		return
	}
	messages, _ := c.list(v)
	var turns []turn
	for i, m := range messages {
		t, ok := c.message(m, trlKeys)
		if ok && i == 0 && t.role != "assistant" {
			c.fault(t.at, "an answer begins with a message of the assistant, not of the %s", t.role)
		}
		if ok {
			turns = append(turns, t)
		}
	}
	c.ends(turns, "assistant")
}

// side checks one side of a preference of TRL.
func (c *checker) side(v value) {
	if c.shaped(v) == '[' {
		c.answer(v, trlKeys)
	}
}

// shaped checks that a value of TRL is text or messages, whichever the file began
// with, since a column has one type. It returns the kind of the messages, which
// are left to the caller, else 0.
func (c *checker) shaped(v value) jsontext.Kind {
	kind := v.raw.Kind()
	if c.shape == 0 && (kind == '[' || kind == '"') {
		c.shape = kind
	}
	switch {
	case c.shape == 0:
		c.want(v, '[')
	case v.raw != nil && kind != c.shape:
		c.fault(v.at, "want %s, as the file began with, got %s", kindName(c.shape), kindName(kind))
	case kind == '[':
		return kind
	default:
		c.text(v)
	}
	return 0
}

func (c *checker) shareGPT(o object) {
	c.only(o, "an example", []string{"conversations", "id", "system", "tools"})
	turns, ok := c.list(o.get("conversations"))
	if !ok {
		return
	}
	asks := true // whose turn it is
	from := ""
	for i, v := range turns {
		t, ok := c.object(v)
		if !ok {
			return
		}
		c.only(t, "a turn", []string{"from", "value"})
		c.text(t.get("value"))
		if from, ok = c.text(t.get("from")); !ok {
			return
		}
		if from == "system" && i == 0 {
			continue
		}
		c.turnOf(t.get("from").at, from, asks)
		asks = !asks
	}
	if from != "gpt" && from != "function_call" {
		c.fault(turns[len(turns)-1].at, "the last turn must be gpt's, not %.40q's", from)
	}
}

// turnOf checks that questions and answers alternate.
func (c *checker) turnOf(at, from string, asks bool) {
	switch {
	case from == "system":
		c.fault(at, "system comes first")
	case !slices.Contains([]string{"human", "observation", "gpt", "function_call"}, from):
		c.fault(at, "%.40q is nobody here: want human, gpt, system, observation or function_call", from)
	case asks && from != "human" && from != "observation":
		c.fault(at, "want human or observation at this place, got %s", from)
	case !asks && from != "gpt" && from != "function_call":
		c.fault(at, "want gpt or function_call at this place, got %s", from)
	}
}

func (c *checker) alpaca(o object) {
	c.only(o, "an example", []string{"instruction", "input", "output", "system", "history"})
	c.text(o.get("instruction"))
	c.text(o.get("output"))
	for _, key := range []string{"input", "system"} {
		if o.has(key) {
			c.anyText(o.get(key))
		}
	}
	if !o.has("history") || string(o.members["history"]) == "[]" {
		return
	}
	rounds, _ := c.list(o.get("history"))
	for _, v := range rounds {
		round, ok := c.list(v)
		if ok && len(round) != 2 {
			c.fault(v.at, "want a question and its answer, got %d", len(round))
		}
		for _, text := range round {
			c.anyText(text)
		}
	}
}
