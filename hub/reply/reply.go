// Package reply takes a model's answer out of the text that it gave.
//
// An answer is a flag, TRUE or FALSE, and what the model says about it. Models are
// asked for a JSON object with these fields, in any case of letters:
//
//	detected, or flag            the flag
//	confidence                   a number from 0 to 1, or a percentage such as "90%"
//	indicators                   strings, or one string
//	rationale, or rational       a string
//	reasoning_steps              strings, or one string
//
// They do not always give one, so a [Parser] tries several steps, each more tolerant
// than the one before, and says which of them matched ([Step]). After a step matches,
// the rest of the reply is examined too: a plain verdict that contradicts the answer
// makes the reply unparsed. A text that fits no step is unparsed; it is never taken for
// a FALSE.
//
// A parser works from left to right. It takes out what is not part of the reply:
// thinking sections, tokens of chat templates, the turns of others that a model
// imagines. Then it looks for objects, and at the prose around them (see [Parser.Parse]).
package reply

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Version is the version of the parser. It is kept with stored answers, and is
// raised when a text may be read in another way than before.
const Version = 2

// ErrUnparsed is wrapped by errors that say why a text gives no flag.
var ErrUnparsed = errors.New("no flag in the reply")

// Step is a step of the parser.
type Step string

// The steps, in the order in which they are tried.
const (
	// StepStrict: the text is one strict JSON object whose flag is true or false.
	StepStrict Step = "strict"
	// StepStripped: it is, without what is around it: thinking sections, marks of chat
	// templates, a code fence, the quotes of a string, white space, a BOM.
	StepStripped Step = "stripped"
	// StepObject: the last object in the text that has a flag is strict JSON, and its
	// flag is true or false. An object inside another one that has a flag is not
	// looked at.
	StepObject Step = "object"
	// StepLenient: that object can be read with these tolerances: a flag given as
	// "true", "yes", 1, "false", "no", 0 or an answer word; True, False, None; keys and
	// words without quotes; single and typographic quotes; quotes and line breaks inside
	// strings that are not escaped; backslashes that escape nothing; trailing commas;
	// comments; repeated keys; bytes that are not UTF-8.
	StepLenient Step = "lenient"
	// StepWords: the text has no such object, but a plain yes, no, true, false or answer
	// word that is all of it, begins it ("Yes.", "No, the narrative …"), is its last
	// line, or has a label at the start of a line or sentence ("Answer: no").
	StepWords Step = "words"
	// StepReasoning: there is no text, and what came beside it has exactly one object.
	StepReasoning Step = "reasoning"
)

// Reply is what a model answered. Its JSON is the object that models are asked for.
type Reply struct {
	Flag           bool     `json:"detected"`
	Confidence     *float64 `json:"confidence,omitempty"` // 0 to 1; nil where none was given, or none that is a number in that range
	Indicators     []string `json:"indicators,omitempty"`
	Rationale      string   `json:"rationale,omitempty"`
	ReasoningSteps []string `json:"reasoning_steps,omitempty"`
	Step           Step     `json:"-"`
}

// Parse returns the answer in a text; see [Parser.Parse].
func Parse(text string) (Reply, error) { return usual().Parse(text) }

// usual is the parser of the usual words.
var usual = sync.OnceValue(func() *Parser { return new(Parser) })

// Parse returns the answer in a text, or an error that wraps [ErrUnparsed] and says
// why there is none. It takes time in proportion to the length of the text. All
// strings of the answer are UTF-8.
//
// Where a text has several objects with a flag, the last one counts, be it readable
// or not: what is before it is a draft. It does not count if the sentence that leads to
// it says that it is hypothetical. An object that is cut off or broken also takes the
// place of those before it. It is a contradiction, and the reply is unparsed, if one
// object has two flags that differ, if objects in a row differ, or if a plain verdict in
// the prose differs from the object or from another verdict.
func (p *Parser) Parse(text string) (Reply, error) {
	if r, ok := readStrict(text, StepStrict); ok {
		return r, nil
	}
	if final := strings.LastIndex(text, "assistantfinal"); final > 0 && strings.HasPrefix(trim(text), "analysis") {
		text = text[final+len("assistantfinal"):] // harmony output whose tokens were dropped
	}
	b, err := p.read(text)
	if err != nil {
		return Reply{}, err
	}
	if b.turn.at > 0 {
		if r, err := p.decide(b.before()); err == nil {
			return r, nil
		}
	}
	return p.decide(b)
}

// ParseStrict returns the answer in a text that is one strict JSON object. It is for
// replies of which it is not known whether they are complete.
func (p *Parser) ParseStrict(text string) (Reply, error) {
	r, ok := readStrict(text, StepStrict)
	if !ok {
		return Reply{}, unparsed("why the reply ended is unknown, and it is not one strict JSON object with a flag")
	}
	return r, nil
}

// ParseCut returns the answer in a reply that was cut off: only one that is a complete
// object, followed only by white space.
func (p *Parser) ParseCut(text string) (Reply, error) {
	r, err := p.Parse(text)
	if err != nil {
		return Reply{}, err
	}
	end := trim(text)
	whole := r.Step == StepStrict || r.Step == StepStripped && (strings.HasSuffix(end, "}") || strings.HasSuffix(end, "```"))
	if !whole {
		return Reply{}, unparsed("the reply was cut off")
	}
	return r, nil
}

// ParseReasoning returns the answer in what came beside an empty reply: it must have
// exactly one object, with a flag that is true or false.
func (p *Parser) ParseReasoning(text string) (Reply, error) {
	b, err := p.read(text)
	switch {
	case err != nil:
		return Reply{}, err
	case b.broken != nil || len(b.objects) != 1 || len(b.objects[0].flagged) != 1:
		return Reply{}, unparsed("there is no text, and not exactly one object with detected or flag in the reasoning")
	}
	r, ok := readStrict(b.objects[0].flagged[0].source, StepReasoning)
	if !ok {
		return Reply{}, unparsed("there is no text, and the object in the reasoning is not strict JSON")
	}
	if err := p.contradicts(b, r.Flag); err != nil {
		return Reply{}, err
	}
	return r, nil
}

// decide takes the answer out of a body.
func (p *Parser) decide(b body) (Reply, error) {
	prose := strings.TrimSpace(unfenced(b.prose))
	switch {
	case b.broken != nil:
		return Reply{}, b.broken
	case trim(prose) == "":
		return Reply{}, unparsed("there is no text beside thinking sections and code fences")
	case len(b.objects) == 0:
		return p.readProse(b.prose, prose)
	}
	o, conditional, err := p.answer(b)
	if err != nil {
		return Reply{}, err
	}
	if conditional {
		if r, err := p.readWords(b.prose); err == nil {
			return r, nil
		}
	}
	r, err := p.readObject(o, trim(prose) == placeholder && b.objects[0].source == o.source)
	if err == nil {
		err = p.contradicts(b, r.Flag)
	}
	if err != nil {
		return Reply{}, err
	}
	return r, nil
}

// readProse reads a body without an object. It may be a JSON string that has one.
func (p *Parser) readProse(text, prose string) (Reply, error) {
	value := jsontext.Value(trim(prose))
	switch kind := value.Kind(); {
	case kind == '[' && value.IsValid():
		return Reply{}, unparsed(noFlag)
	case kind == '"' && value.IsValid():
		r, err := p.Parse(plain(value))
		if err == nil && r.Step == StepStrict {
			r.Step = StepStripped
		}
		return r, err
	}
	return p.readWords(text)
}

// readObject reads an object. alone: there is nothing else in the reply.
func (p *Parser) readObject(o object, alone bool) (Reply, error) {
	step := StepObject
	if alone {
		step = StepStripped
	}
	if r, ok := readStrict(o.source, step); ok {
		return r, nil
	}
	return p.readLenient(o.json)
}

// noFlag is why a text is unparsed that has nothing to go by.
const noFlag = "there is no object with detected or flag, and no plain yes or no"

func unparsed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnparsed, fmt.Sprintf(format, args...))
}

func contradiction(what string) error { return unparsed("contradiction: %s", what) }
