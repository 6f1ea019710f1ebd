package finetune

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// kind is what the columns of a file of TRL are. TRL decides it by the first example.
type kind int

const (
	promptCompletion kind = iota // prompt, completion; with a label: unpaired preference
	conversation                 // messages
	fromValue                    // conversations, whose messages have from and value
	plainText                    // text
	preference                   // prompt, chosen, rejected
	implicitPrompt               // chosen and rejected, which begin with the prompt
)

// columns is what the first example decides for a whole file: a column has one type,
// and an example without a column that another one has is given null.
type columns struct {
	kind  kind
	shape jsontext.Kind   // of prompts and answers: messages or text; 0: not known yet
	first map[string]bool // the columns of the first example
}

// columnsOf returns what the first example decides.
func columnsOf(f Format, o object) *columns {
	c := &columns{first: make(map[string]bool)}
	for name := range o.members {
		c.first[name] = true
	}
	pairs := f == TRLDPO || f == KTO && o.has("chosen") && o.has("rejected")
	switch {
	case pairs && o.has("prompt"):
		c.kind = preference
	case pairs:
		c.kind = implicitPrompt
	case f == KTO || o.has("prompt"):
		c.kind = promptCompletion
	case o.has("conversations") && (!o.has("messages") || isMessages(o.get("conversations"), "from")):
		c.kind = fromValue // TRL writes the messages over a column of that name
	case o.has("messages") && (isMessages(o.get("messages"), "role") || !o.has("text")):
		c.kind = conversation
	case o.has("text"):
		c.kind = plainText
	}
	return c
}

// read returns the columns that make up an example.
func (c columns) read() []string {
	switch c.kind {
	case conversation:
		return []string{"messages"}
	case fromValue:
		return []string{"conversations"}
	case plainText:
		return []string{"text"}
	case preference:
		return []string{"prompt", "chosen", "rejected"}
	case implicitPrompt:
		return []string{"chosen", "rejected"}
	}
	return []string{"prompt", "completion"}
}

// ofMessages reports whether an example is messages; false: text, or not known yet.
func (c columns) ofMessages() bool {
	return c.kind == conversation || c.kind == fromValue || c.shape == '['
}

// known returns the columns that TRL reads, or that have a note or fault of their own.
func (c columns) known(f Format) []string {
	list := append(c.read(), "tools", "chat_template_kwargs", "image", "images")
	switch f {
	case TRL:
		list = append(list, tokenColumns...)
	case KTO:
		list = append(list, "label", "ref_logps", "ref_KL_logps")
	case TRLDPO:
		list = append(list, "ref_chosen_logps", "ref_rejected_logps")
	}
	return list
}

// oneShape checks the columns that TRL tells messages from text by, but for those that
// make up the example. TRL looks at one of those that are there, whichever comes first
// in a Python set: a random one. (A prompt makes up the example wherever there is one.)
// It returns the columns that it finds something in.
func (c *checker) oneShape(o object) (found []string) {
	read, messages := c.columns.read(), c.columns.ofMessages()
	for _, name := range []string{"completion", "chosen", "rejected", "messages"} {
		v := o.get(name)
		switch {
		case slices.Contains(read, name), v.raw == nil, isMessages(v, "role") == messages && !isEmptyList(v):
			continue
		case c.columns.kind == fromValue && name == "messages":
			continue // TRL overwrites it
		case isEmptyList(v):
			c.fault(v.at, "want at least one: TRL looks at a random one of this column and %s and may fail", read[0])
		case messages:
			c.fault(v.at, "not messages, and %s is: TRL looks at a random one of them and may fail", read[0])
		case c.columns.kind == plainText:
			c.fault(v.at, "messages beside text: TRL takes the example for a conversation and fails")
		default:
			c.note(v.at, "messages beside text: TRL looks at a random one of them and may leave out the end of the text")
		}
		found = append(found, name)
	}
	return found
}

func isEmptyList(v value) bool { return string(canonical(v.raw)) == "[]" }

// isMessages reports whether a value is what TRL takes for messages: an array whose
// first element is an object with such a key.
func isMessages(v value, key string) bool {
	var list []jsontext.Value
	if !v.is('[') {
		return false
	}
	if decode(v, &list); len(list) == 0 || list[0].Kind() != '{' {
		return false
	}
	var first map[string]jsontext.Value
	decode(value{raw: list[0]}, &first)
	return first[key] != nil
}

// tokenColumns are those that SFTTrainer takes for tokens that are ready.
var tokenColumns = []string{"input_ids", "labels", "assistant_masks"}

// trainersOwn checks columns whose names TRL's trainers give a meaning of their own.
func (c *checker) trainersOwn(o object) {
	for _, name := range []string{"image", "images"} {
		if o.has(name) {
			c.note(o.get(name).at, "TRL refuses a file with this column unless the model takes images")
		}
	}
	switch c.format {
	case TRL:
		for _, name := range tokenColumns {
			if o.has(name) {
				c.fault(o.get(name).at, "TRL takes this column for tokens of the text that it would make itself")
			}
		}
	case TRLDPO:
		c.numberOfAll(o, "ref_chosen_logps")
		c.numberOfAll(o, "ref_rejected_logps")
	case KTO:
		c.numberOfAll(o, "ref_logps")
		c.numberOfAll(o, "ref_KL_logps")
	}
}

// numberOfAll checks a number that all examples have, or none.
func (c *checker) numberOfAll(o object, name string) {
	if v := o.get(name); c.inAll(v, name) {
		c.want(v, '0')
	}
}

// inAll checks that all examples have a column, or none, and reports whether this one
// has it. TRL fails on the null that stands for what is missing.
func (c *checker) inAll(v value, name string) bool {
	switch has := v.raw != nil; {
	case has && !c.columns.first[name]:
		c.fault(v.at, "the first example has none: TRL fails on an example without, if another one has it")
	case !has && c.columns.first[name]:
		c.fault(v.at, "missing, and the first example has it: TRL fails on an example without")
	default:
		return has
	}
	return false
}

// templateKeys checks what the chat template is given. TRL and transformers pass the
// template arguments of their own, which cannot be given twice.
func (c *checker) templateKeys(v value) {
	o, ok := c.object(v)
	if !ok || !c.columns.ofMessages() {
		return
	}
	taken := []string{"conversation", "conversations", "input", "messages", "processing_class", "return_dict", "self", "tokenize"}
	if c.columns.kind != conversation && c.columns.kind != fromValue {
		taken = append(taken, "add_generation_prompt")
	}
	if c.format == TRL {
		taken = append(taken, "return_assistant_tokens_mask")
	}
	for _, key := range slices.Sorted(maps.Keys(o.members)) {
		if slices.Contains(taken, key) {
			c.fault(o.get(key).at, "TRL passes an argument of this name itself")
		}
	}
}
