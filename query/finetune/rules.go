package finetune

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// The rules, and where they are published:
//
//   - openai, openai-dpo: OpenAI's API reference (the per-line objects
//     FineTuneChatRequestInput and FineTunePreferenceRequestInput, and the messages of
//     chat completions), its guides on supervised fine-tuning (at least 10 examples)
//     and on direct preference optimization, and the format checks of its cookbook
//     ("Data preparation and analysis for chat model fine-tuning").
//   - trl, trl-dpo, kto: TRL's "Dataset formats and types", and what SFTTrainer,
//     DPOTrainer and KTOTrainer load and train on (TestTrainers runs them).
//   - sharegpt, alpaca: the data README of LLaMA-Factory, and Axolotl's names of roles.
//
// OpenAI refuses a file for each deviation, so in its formats every deviation is a
// fault. Where it publishes no rule, a file is judged by what its examples have in
// common: a system message comes first, the user says something, the answer is last,
// and no text is empty. In the other formats a fault is what a trainer refuses, or what
// it can only misread; what it accepts and the author may not have intended is a note.

// follow checks one example by the rules of the format.
func (c *checker) follow(v value) {
	o, ok := c.object(v)
	if !ok {
		return
	}
	switch c.format {
	case OpenAI:
		c.openAI(o)
	case OpenAIDPO:
		c.openAIPreference(o)
	case TRL, TRLDPO, KTO:
		c.trl(o)
	case ShareGPT:
		c.shareGPT(o)
	case Alpaca:
		c.alpaca(o)
	}
}

// turn is a message whose role is known.
type turn struct {
	object
	role string
}

// equal reports whether two values are the same, whatever their spacing, escapes and
// the order of keys.
func equal(a, b value) bool {
	return a.raw != nil && b.raw != nil && bytes.Equal(canonical(a.raw), canonical(b.raw))
}

// canonical returns a valid value in the form of RFC 8785, in which equal values
// are equal bytes. Integers keep all their digits.
func canonical(raw jsontext.Value) jsontext.Value {
	raw = raw.Clone()
	_ = raw.Canonicalize(jsontext.CanonicalizeRawInts(false))
	return raw
}
