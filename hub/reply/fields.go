package reply

import (
	"bytes"
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
func readLenient(object jsontext.Value) (Reply, error) {
	r, err := readFields(object, func(value jsontext.Value) (flag, ok bool) { return flagWord(plain(value)) })
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
	err := eachMember(object, func(name string, value jsontext.Value) error {
		switch {
		case isFlagName(name):
			flag, ok := readFlag(value)
			if !ok {
				return unparsed("%s is %s", strings.ToLower(name), show(value))
			}
			if flagged && flag != r.Flag {
				return unparsed("the object says both true and false")
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
		return nil
	})
	if err == nil && !flagged {
		err = unparsed("the object has neither detected nor flag")
	}
	if err != nil {
		return Reply{}, err
	}
	return r, nil
}

func isFlagName(name string) bool {
	return strings.EqualFold(name, "detected") || strings.EqualFold(name, "flag")
}

// eachMember calls visit with each member of an object until it fails.
func eachMember(object jsontext.Value, visit func(name string, value jsontext.Value) error) error {
	d := newDecoder(object)
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		field := plain(name)
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := visit(field, value); err != nil {
			return err
		}
	}
	return nil
}

// newDecoder returns a decoder of a value that is JSON, but for keys that stand twice
// and lone surrogates.
func newDecoder(value jsontext.Value) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
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
	var elements []string
	d := newDecoder(value)
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	for d.PeekKind() != ']' {
		element, err := d.ReadValue()
		if err != nil {
			return nil
		}
		if element.Kind() != 'n' {
			elements = append(elements, plain(element))
		}
	}
	return elements
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

// flagWord returns the flag that a word stands for.
func flagWord(word string) (flag, ok bool) {
	switch strings.ToLower(strings.TrimRight(strings.TrimSpace(word), ".!")) {
	case "true", "yes", "1", "1.0":
		return true, true
	case "false", "no", "0", "0.0":
		return false, true
	}
	return false, false
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
