package finetune

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// trl checks an example by what TRL's trainer of the format accepts.
func (c *checker) trl(o object) {
	if c.columns == nil {
		c.columns = columnsOf(c.format, o)
	}
	hasPrompt := c.columns.kind == promptCompletion || c.columns.kind == preference
	if o.has("prompt") && !hasPrompt {
		c.fault("prompt", "the first example has none, and all examples have the same columns")
		return
	}
	c.templateColumns(o)
	switch c.columns.kind {
	case promptCompletion:
		c.completionOf(o)
	case conversation:
		c.noteOrder(c.conversation(o.get("messages")))
	case fromValue:
		c.noteOrder(c.conversation(o.get("conversations")))
	case plainText:
		c.maybeEmpty(o.get("text"))
	case preference:
		c.explicit(o)
	case implicitPrompt:
		c.implicit(o.get("chosen"), o.get("rejected"))
	}
	label := o.get("label")
	switch {
	case c.format == KTO && c.columns.kind == promptCompletion:
		c.label(label)
	case c.format == KTO && label.raw != nil:
		c.label(label)
		c.note(label.at, "TRL gives this label to both sides")
	}
	c.trainersOwn(o)
	c.others(o, append(c.columns.known(c.format), c.oneShape(o)...))
}

// label checks that an answer is wanted or not. KTOTrainer reads 1 and 0 as such.
func (c *checker) label(v value) {
	if raw := string(canonical(v.raw)); raw == "0" || raw == "1" {
		c.note(v.at, "a number stands for true or false")
		return
	}
	c.want(v, 't')
}

// templateColumns checks what is handed to the chat template.
func (c *checker) templateColumns(o object) {
	const name = "chat_template_kwargs"
	if kwargs := o.get(name); c.inAll(kwargs, name) {
		c.templateKeys(kwargs)
	}
	c.trlTools(o.get("tools"))
}

// trlTools checks definitions of tools: an array of objects, or text that holds one.
func (c *checker) trlTools(v value) {
	if v.absent() {
		return
	}
	if text := textOf(v); v.is('"') {
		inner := jsontext.Value(text)
		if !inner.IsValid() {
			c.fault(v.at, "the text is not JSON: want an array of tools")
			return
		}
		if v.raw = inner; v.absent() || text == "{}" {
			return
		}
	}
	tools, _ := c.anyList(v)
	for _, tool := range tools {
		c.want(tool, '{')
	}
}

// completionOf checks a prompt and its answer.
func (c *checker) completionOf(o object) {
	prompt, ok := c.promptOf(o.get("prompt"))
	answer, more := c.answerOf(o.get("completion"))
	if ok && more {
		c.noteOrder(append(prompt, answer...))
	}
}

// explicit checks a preference whose prompt is apart.
func (c *checker) explicit(o object) {
	prompt, chosen, rejected := o.get("prompt"), o.get("chosen"), o.get("rejected")
	if prompt.is('"') && chosen.is('[') && rejected.is('[') {
		c.fault(prompt.at, "text beside messages: without it TRL takes the prompt from what chosen and rejected begin with")
		return
	}
	before, ok := c.promptOf(prompt)
	for _, side := range []value{chosen, rejected} {
		answer, more := c.answerOf(side)
		if !ok || !more || len(before) == 0 {
			continue
		}
		if equal(before[0].value(), answer[0].value()) {
			c.note(side.at, "the prompt is in it again: TRL puts the prompt before it")
			continue
		}
		c.noteOrder(append(before[:len(before):len(before)], answer...))
	}
	c.noteSame(chosen, rejected)
}

func (c *checker) noteSame(chosen, rejected value) {
	if equal(chosen, rejected) {
		c.note(rejected.at, "the same as %s: there is nothing to prefer", chosen.at)
	}
}

// implicit checks a preference whose sides both begin with the prompt.
func (c *checker) implicit(chosen, rejected value) {
	better, ok := c.conversationOrText(chosen)
	worse, more := c.conversationOrText(rejected)
	if !ok || !more {
		return
	}
	c.noteSame(chosen, rejected)
	if chosen.is('"') {
		c.sharedPrompt(chosen, rejected)
		return
	}
	prompt := sharedTurns(better, worse)
	if prompt == 0 {
		c.fault(rejected.at, "begins with another message than chosen: there is no prompt")
		return
	}
	c.notePrompt(better[:prompt])
	for _, turns := range [][]turn{better, worse} {
		c.noteOrder(turns)
		c.noteAnswer(turns[prompt:])
	}
}

// sharedPrompt checks the prompt that two texts begin with. TRL fails on an empty text.
func (c *checker) sharedPrompt(chosen, rejected value) {
	better, worse := textOf(chosen), textOf(rejected)
	switch {
	case better == "" || worse == "":
		c.fault(rejected.at, "one of the texts is empty, so there is no prompt that both begin with")
	case sharedText(better, worse) == 0:
		c.note(rejected.at, "begins otherwise than chosen: the prompt is empty")
	}
}

// sharedTurns returns how many messages TRL takes for the prompt: those that both
// begin with, but at least one is left for the shorter of them.
func sharedTurns(a, b []turn) int {
	least := min(len(a), len(b))
	for i := range least {
		if !equal(a[i].value(), b[i].value()) {
			return i
		}
	}
	return least - 1
}

func sharedText(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// promptOf checks what comes before an answer. It returns the messages, of which there
// are none if it is text; false: there is a fault.
func (c *checker) promptOf(v value) ([]turn, bool) {
	turns, ok := c.conversationOrText(v)
	if ok {
		c.notePrompt(turns)
	}
	return turns, ok
}

// answerOf is promptOf for an answer, which may be several messages.
func (c *checker) answerOf(v value) ([]turn, bool) {
	turns, ok := c.conversationOrText(v)
	if ok {
		c.noteAnswer(turns)
	}
	return turns, ok
}

// conversationOrText checks that a value is text or messages, whichever the file began
// with.
func (c *checker) conversationOrText(v value) ([]turn, bool) {
	before, kind := c.report.Found, v.raw.Kind()
	shape := &c.columns.shape
	if *shape == 0 && (kind == '[' || kind == '"') {
		*shape = kind
	}
	var turns []turn
	switch {
	case *shape == 0:
		c.want(v, '[')
	case v.raw != nil && kind != *shape:
		c.fault(v.at, "want %s, as the file began with, got %s", kindName(*shape), kindName(kind))
	case kind == '[':
		turns = c.conversation(v)
	default:
		c.maybeEmpty(v)
	}
	return turns, c.report.Found == before
}

// notePrompt notes a prompt that ends with the assistant.
func (c *checker) notePrompt(turns []turn) {
	if n := len(turns); n > 0 && turns[n-1].role == "assistant" {
		c.note(turns[n-1].at, "the prompt ends with the assistant")
	}
}

// noteAnswer notes an answer that is not the assistant's.
func (c *checker) noteAnswer(turns []turn) {
	if n := len(turns); n > 0 && (turns[0].role != "assistant" || turns[n-1].role != "assistant") {
		c.note(parentOf(turns[0].at), "the answer does not begin and end with the assistant")
	}
}

// parentOf returns the place of the array that a place is an element of.
func parentOf(at string) string { return at[:max(strings.LastIndexByte(at, '['), 0)] }

// noteOrder notes an order of speakers that templates of many models refuse.
func (c *checker) noteOrder(turns []turn) {
	user, calls := len(turns) == 0, false
	for i, t := range turns {
		user = user || t.role == "user"
		calls = calls || t.has("tool_calls")
		switch {
		case (t.role == "system" || t.role == "developer") && i > 0:
			c.note(t.at, "a %s message usually comes first", t.role)
		case t.role == "tool" && !calls:
			c.note(t.at, "a tool's message usually comes after an assistant's that calls it")
		}
	}
	if !user {
		c.note(parentOf(turns[0].at), "there is no message of the user")
	}
}
