package finetune

import "github.com/go-json-experiment/json/jsontext"

// speakers are the names of who speaks in ShareGPT. Other names of the same are those
// of Axolotl and of TRL.
var speakers = map[string]string{
	"system": "system", "human": "human", "gpt": "gpt", "function_call": "function_call", "observation": "observation",
	"user": "human", "assistant": "gpt", "model": "gpt", "tool": "observation",
}

// shareGPT checks a conversation of human and gpt.
func (c *checker) shareGPT(o object) {
	c.others(o, append([]string{"conversations", "id", "system", "tools"}, mediaColumns...))
	c.noteMedia(o)
	if system := o.get("system"); !system.absent() {
		c.anyText(system)
	}
	c.shareGPTTools(o.get("tools"))
	turns, ok := c.list(o.get("conversations"))
	if !ok {
		return
	}
	last := "" // who spoke
	for i, v := range turns {
		from, at, ok := c.shareGPTTurn(v)
		if !ok {
			return
		}
		if from == "system" && i == 0 {
			continue
		}
		c.follows(at, last, from)
		last = from
	}
	if last != "gpt" && last != "function_call" {
		c.fault(turns[len(turns)-1].at, "the last turn must be gpt's, not %.40q's", last)
	}
}

// mediaColumns are those that LLaMA-Factory hands to models that take them.
var mediaColumns = []string{"images", "videos", "audios"}

func (c *checker) noteMedia(o object) {
	for _, name := range mediaColumns {
		if o.has(name) {
			c.note(o.get(name).at, "a column for models that take it")
		}
	}
}

// shareGPTTurn checks a turn but for its place and returns who speaks.
func (c *checker) shareGPTTurn(v value) (from, at string, ok bool) {
	t, ok := c.object(v)
	if !ok {
		return "", "", false
	}
	c.others(t, []string{"from", "value"})
	c.maybeEmpty(t.get("value"))
	name, ok := c.text(t.get("from"))
	if !ok {
		return "", "", false
	}
	at = t.get("from").at
	from, ok = speakers[name]
	switch {
	case !ok:
		c.fault(at, "%.40q is nobody here: want human, gpt, system, observation or function_call", name)
		return name, at, true
	case name != from:
		c.note(at, "%s is a name that Axolotl and TRL know; LLaMA-Factory expects %s", name, from)
	}
	return from, at, true
}

// follows checks that questions and answers alternate. Several calls may follow each
// other, and so may what they gave, where the trainer takes a conversation as it is.
func (c *checker) follows(at, before, from string) {
	asks := before == "" || before == "gpt" || before == "function_call"
	switch {
	case speakers[from] == "": // a fault already
	case from == "system":
		c.fault(at, "system comes first")
	case from == before && (from == "observation" || from == "function_call"):
		c.note(at, "%s again: LLaMA-Factory skips the example, Axolotl and TRL take it", from)
	case asks && from != "human" && from != "observation":
		c.fault(at, "want human or observation at this place, got %s", from)
	case !asks && from != "gpt" && from != "function_call":
		c.fault(at, "want gpt or function_call at this place, got %s", from)
	}
}

// shareGPTTools checks definitions of tools, which LLaMA-Factory expects as text that
// holds JSON.
func (c *checker) shareGPTTools(v value) {
	switch text := textOf(v); {
	case v.absent(), v.is('"') && text == "":
	case v.is('['):
		c.note(v.at, "LLaMA-Factory expects text that holds the array")
	case !c.want(v, '"'):
	case !jsontext.Value(text).IsValid():
		c.fault(v.at, "the text is not JSON: want an array of tools")
	}
}

// alpaca checks an instruction and its answer.
func (c *checker) alpaca(o object) {
	c.others(o, append([]string{"instruction", "input", "output", "system", "history", "text"}, mediaColumns...))
	c.noteMedia(o)
	c.maybeEmpty(o.get("instruction"))
	c.maybeEmpty(o.get("output"))
	for _, key := range []string{"input", "system", "text"} {
		if v := o.get(key); !v.absent() {
			c.anyText(v)
		}
	}
	history := o.get("history")
	if history.absent() {
		return
	}
	rounds, _ := c.anyList(history)
	for _, v := range rounds {
		round, ok := c.anyList(v)
		if ok && len(round) != 2 {
			c.fault(v.at, "want a question and its answer, got %d", len(round))
		}
		for _, text := range round {
			c.anyText(text)
		}
	}
}
