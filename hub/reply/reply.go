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
// They do not always give one, so [Parse] tries the steps of a ladder, each more
// tolerant than the one before, and says which of them matched ([Step]). A text
// that fits none is unparsed; it is never taken for a FALSE.
package reply

import (
	"errors"
	"fmt"
)

// Version is the version of the ladder. It is kept with stored answers, and is
// raised when a text may be read in another way than before.
const Version = 1

// ErrUnparsed is wrapped by errors that say why a text gives no flag.
var ErrUnparsed = errors.New("no flag in the reply")

// Step is a step of the ladder.
type Step string

// The steps, in the order in which they are tried.
const (
	// StepStrict: the text is one strict JSON object whose flag is true or false.
	StepStrict Step = "strict"
	// StepStripped: it is, without what stands around it: thoughts (<think>…</think>
	// and the like), a code fence, the quotes of a string, white space, a BOM.
	StepStripped Step = "stripped"
	// StepObject: the last object in the text that has a flag is strict JSON, and its
	// flag is true or false. An object inside another one that has a flag is not
	// looked at.
	StepObject Step = "object"
	// StepLenient: that object can be read with these tolerances: a flag given as
	// "true", "yes", 1, "false", "no" or 0; True, False, None; keys and words without
	// quotes; single and typographic quotes; quotes and line breaks inside strings
	// that are not escaped; backslashes that escape nothing; trailing commas;
	// comments; keys that stand twice; bytes that are not UTF-8.
	StepLenient Step = "lenient"
	// StepWords: the text has no such object, but is a plain yes, no, true or false,
	// or begins or ends as one: "Yes.", "No, the narrative …", "… Answer: no".
	StepWords Step = "words"
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

// Parse returns the answer in a text, or an error that wraps [ErrUnparsed] and says
// why there is none. It takes time in proportion to the length of the text. All
// strings of the answer are UTF-8.
//
// Where a text has several objects with a flag, the last one counts, be it readable
// or not: what stands before it is a draft. An object that is cut off or broken also
// takes the place of those before it. Two flags in one object that differ are none,
// and so are a yes at the beginning and a no at the end.
func Parse(text string) (Reply, error) {
	if r, ok := readStrict(text, StepStrict); ok {
		return r, nil
	}
	stripped := strip(text)
	if stripped == "" {
		return Reply{}, unparsed("there is no text beside thoughts and code fences")
	}
	if r, ok := readStrict(stripped, StepStripped); ok {
		return r, nil
	}
	last, err := lastObject(stripped)
	switch {
	case err != nil:
		return Reply{}, err
	case last == nil:
		return readWords(stripped)
	}
	if r, ok := readStrict(last.source, StepObject); ok {
		return r, nil
	}
	return readLenient(last.json)
}

func unparsed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnparsed, fmt.Sprintf(format, args...))
}
