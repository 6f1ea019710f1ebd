package reply

import (
	"bytes"
	"iter"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// readStrict reads a text that is one strict JSON object with a flag that is true
// or false. It reports whether the text is.
func readStrict(text string, step Step) (Reply, bool) {
	object := jsontext.Value(text)
	if !object.IsValid() || object.Kind() != '{' {
		return Reply{}, false
	}
	r, err := readFields(object, func(value jsontext.Value) (flag, ok bool) {
		return value.Kind() == 't', value.Kind() == 't' || value.Kind() == 'f'
	})
	r.Step = step
	return r, err == nil
}

// readLenient reads an object that is JSON, but for keys that stand twice and lone
// surrogates. Its flag may be any word for one.
func (p *Parser) readLenient(object jsontext.Value) (Reply, error) {
	r, err := readFields(object, func(value jsontext.Value) (flag, ok bool) { return p.value(plain(value)) })
	if err != nil {
		return Reply{}, err
	}
	r.Step = StepLenient
	return r, nil
}

// readFields reads the fields of an object, and its flag by the function given.
func readFields(object jsontext.Value, readFlag func(jsontext.Value) (flag, ok bool)) (Reply, error) {
	var r Reply
	flagged := false
	for name, value := range elements(object) {
		switch {
		case isFlagName(name):
			flag, ok := readFlag(value)
			if !ok {
				return Reply{}, unparsed("%s is %s", strings.ToLower(name), show(value))
			}
			if flagged && flag != r.Flag {
				return Reply{}, unparsed("the object says both true and false")
			}
			r.Flag, flagged = flag, true
		case strings.EqualFold(name, "confidence"):
			r.Confidence = confidence(value)
		case strings.EqualFold(name, "indicators"):
			r.Indicators = list(value)
		case strings.EqualFold(name, "rationale"), strings.EqualFold(name, "rational"):
			r.Rationale = plain(value)
		case strings.EqualFold(name, "reasoning_steps"):
			r.ReasoningSteps = list(value)
		}
	}
	if !flagged {
		return Reply{}, unparsed("the object has neither detected nor flag")
	}
	return r, nil
}

func isFlagName(name string) bool {
	return strings.EqualFold(name, "detected") || strings.EqualFold(name, "flag")
}

// elements yields the elements of an array, or the members of an object with their
// names. It takes keys that stand twice and lone surrogates; what is not JSON
// otherwise ends it.
func elements(container jsontext.Value) iter.Seq2[string, jsontext.Value] {
	return func(yield func(name string, value jsontext.Value) bool) {
		d := jsontext.NewDecoder(bytes.NewBuffer(container), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		_, err := d.ReadToken()
		for err == nil && d.PeekKind() != '}' && d.PeekKind() != ']' {
			name, value := "", jsontext.Value(nil)
			if container.Kind() == '{' {
				value, err = d.ReadValue()
				name = plain(value)
			}
			if err == nil {
				value, err = d.ReadValue()
			}
			if err == nil && !yield(name, value) {
				return
			}
		}
	}
}

// plain returns a string's text, nothing for null, and of other values their JSON.
func plain(value jsontext.Value) string {
	switch value.Kind() {
	case 'n':
		return ""
	case '"':
		text, _ := jsontext.AppendUnquote(nil, value) // of lone surrogates it says so, having replaced them
		return string(text)
	}
	return strings.TrimSpace(string(value))
}

// list returns the elements of an array that are not null, or another value that is
// not empty as the only one.
func list(value jsontext.Value) []string {
	if value.Kind() != '[' {
		if text := plain(value); text != "" {
			return []string{text}
		}
		return nil
	}
	var texts []string
	for _, element := range elements(value) {
		if element.Kind() != 'n' {
			texts = append(texts, plain(element))
		}
	}
	return texts
}

// confidence returns a number from 0 to 1, also from a string, or a percentage as
// one. A number above 1 without a percent sign is on a scale that nobody knows, so
// it is none.
func confidence(value jsontext.Value) *float64 {
	number, percent := strings.CutSuffix(strings.TrimSpace(plain(value)), "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x >= 0 && x <= 1) {
		return nil
	}
	return &x
}

// show returns a value for a message, in quotes and not long.
func show(value jsontext.Value) string {
	if value.Kind() == 'n' {
		return "null"
	}
	return strconv.Quote(clip(plain(value)))
}

// clip returns the beginning of a text.
func clip(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
