package finetune

import (
	"regexp"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// openAIKeys are the keys that a message may have, by its role.
var openAIKeys = map[string][]string{
	"system":    {"role", "content", "name"},
	"user":      {"role", "content", "name"},
	"assistant": {"role", "content", "name", "refusal", "tool_calls", "function_call", "weight"},
	"tool":      {"role", "content", "tool_call_id"},
	"function":  {"role", "content", "name"},
}

// openAIParts are the types of parts of a content, by the role of its message.
var openAIParts = map[string][]string{
	"system":    {"text"},
	"user":      {"text", "image_url", "input_audio", "file"},
	"assistant": {"text", "refusal"},
	"tool":      {"text"},
	"function":  {},
}

var (
	// functionName is the rule for names of functions.
	functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	// personName is the rule for the name of who speaks.
	personName = regexp.MustCompile(`^[^\s<|\\/>]+$`)
)

// openAI checks an example of supervised fine-tuning.
func (c *checker) openAI(o object) {
	c.only(o, "an example", []string{"messages", "tools", "parallel_tool_calls", "functions"})
	names := c.toolsOf(o)
	if o.has("functions") {
		functions, _ := c.list(o.get("functions"))
		for _, f := range functions {
			c.definition(f)
		}
	}
	turns := c.dialogue(o.get("messages"))
	c.ends(turns, "assistant")
	c.callsKnown(turns, names)
	c.trained(o.get("messages").at, turns)
}

// openAIPreference checks an example of preference optimization.
func (c *checker) openAIPreference(o object) {
	c.only(o, "an example", []string{"input", "preferred_output", "non_preferred_output"})
	if in, ok := c.object(o.get("input")); ok {
		c.only(in, "an input", []string{"messages", "tools", "parallel_tool_calls"})
		names := c.toolsOf(in)
		turns := c.dialogue(in.get("messages"))
		c.ends(turns, "user", "tool", "function")
		c.callsKnown(turns, names)
	}
	better, worse := o.get("preferred_output"), o.get("non_preferred_output")
	c.openAIAnswer(better)
	c.openAIAnswer(worse)
	if equal(better, worse) {
		c.fault(worse.at, "the same as %s: there is nothing to prefer", better.at)
	}
}

// openAIAnswer checks that there is exactly one message, of the assistant.
func (c *checker) openAIAnswer(v value) {
	messages, ok := c.list(v)
	if !ok {
		return
	}
	if len(messages) > 1 {
		c.fault(v.at, "want exactly one message, got %d", len(messages))
	}
	t, ok := c.openAIMessage(messages[0])
	switch {
	case ok && t.role != "assistant":
		c.fault(t.at, "want a message of the assistant, not of the %s", t.role)
	case ok && t.has("weight"):
		c.fault(t.get("weight").at, "an answer of a preference has no such key")
	}
}

// dialogue checks messages and their order, but for how they end. It returns no turns
// if one of the messages is not one.
func (c *checker) dialogue(v value) []turn {
	messages, _ := c.list(v)
	var turns []turn
	for _, m := range messages {
		if t, ok := c.openAIMessage(m); ok {
			turns = append(turns, t)
		}
	}
	if len(turns) < len(messages) {
		return nil // a fault already, and the order says little
	}
	for i, t := range turns {
		if t.role == "system" && i > 0 {
			c.fault(t.at, "a system message comes first")
		}
	}
	if len(turns) > 0 && !slices.ContainsFunc(turns, func(t turn) bool { return t.role == "user" }) {
		c.fault(v.at, "there is no message of the user")
	}
	c.answered(turns)
	return turns
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

// trained checks that at least one message of the assistant is trained on.
func (c *checker) trained(at string, turns []turn) {
	answers := 0
	for _, t := range turns {
		if t.role != "assistant" {
			continue
		}
		if string(t.members["weight"]) != "0" {
			return
		}
		answers++
	}
	if answers > 0 {
		c.fault(at, "every message of the assistant has weight 0: there is nothing to train on")
	}
}

// openAIMessage checks one message but for its place.
func (c *checker) openAIMessage(v value) (turn, bool) {
	o, ok := c.object(v)
	if !ok {
		return turn{}, false
	}
	role, ok := c.text(o.get("role"))
	if !ok {
		return turn{}, false
	}
	known, ok := openAIKeys[role]
	if !ok {
		c.fault(o.get("role").at, "%.40q is no role here", role)
		return turn{}, false
	}
	c.only(o, "a message of role "+role, known)
	c.openAIContent(o, role)
	if w := string(o.members["weight"]); role == "assistant" && o.has("weight") && w != "0" && w != "1" {
		c.fault(o.get("weight").at, "want 0 or 1, got %.40s", w)
	}
	if o.has("refusal") && !o.get("refusal").is('n') {
		c.anyText(o.get("refusal"))
	}
	c.openAIName(o, role)
	if role == "tool" {
		c.text(o.get("tool_call_id"))
	}
	c.toolCalls(o)
	return turn{o, role}, true
}

// openAIName checks the name of who speaks, which a function must have.
func (c *checker) openAIName(o object, role string) {
	switch {
	case role == "function":
		c.nameOf(o)
	case role != "tool" && o.has("name"):
		if name, ok := c.text(o.get("name")); ok && !personName.MatchString(name) {
			c.fault(o.get("name").at, `a name has no white space and none of < | \ / >`)
		}
	}
}

// openAIContent checks what a message says. Only a call stands in for it.
func (c *checker) openAIContent(o object, role string) {
	content := o.get("content")
	calls := o.has("tool_calls") || o.has("function_call")
	switch {
	case calls && content.absent(), role == "function" && content.is('n'):
	case content.is('[') && role != "function":
		c.openAIContentParts(content, role)
	case calls, role == "tool", role == "function": // a tool may have returned nothing
		c.anyText(content)
	default:
		c.text(content)
	}
}

func (c *checker) openAIContentParts(content value, role string) {
	parts, _ := c.list(content)
	for _, p := range parts {
		o, ok := c.object(p)
		if !ok {
			continue
		}
		kind, ok := c.text(o.get("type"))
		switch {
		case !ok:
		case !slices.Contains(openAIParts[role], kind):
			c.fault(o.get("type").at, "%.40q is no part of a message of role %s", kind, role)
		case kind == "text" || kind == "refusal":
			c.only(o, "a part of type "+kind, []string{"type", kind})
			c.anyText(o.get(kind))
		default:
			c.only(o, "a part of type "+kind, []string{"type", kind})
			c.mediaOf(o.get(kind), kind)
		}
	}
}

// mediaOf checks what a part holds that is not text.
func (c *checker) mediaOf(v value, kind string) {
	o, ok := c.object(v)
	if !ok || kind != "image_url" {
		return
	}
	c.only(o, "an image", []string{"url", "detail"})
	c.text(o.get("url"))
	if detail := o.get("detail"); o.has("detail") && !slices.Contains([]string{`"auto"`, `"low"`, `"high"`}, string(detail.raw)) {
		c.fault(detail.at, "want auto, low or high, got %.40s", detail.raw)
	}
}

// holdsObject reports whether a text is a JSON object.
func holdsObject(text string) bool {
	raw := jsontext.Value(text)
	return raw.IsValid() && raw.Kind() == '{'
}
