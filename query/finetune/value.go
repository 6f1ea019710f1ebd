package finetune

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// value is a JSON value and where it stands in its example.
type value struct {
	at  string         // a path such as messages[1].role; empty: the example itself
	raw jsontext.Value // valid; nil: it is not there
}

// newValue returns a valid JSON value that is an example.
func newValue(raw jsontext.Value) value { return value{raw: raw} }

// is reports whether the value is there and of a kind; both booleans are of kind 't'.
func (v value) is(kind jsontext.Kind) bool {
	if v.raw == nil {
		return false
	}
	return v.raw.Kind() == kind || kind == 't' && v.raw.Kind() == 'f'
}

// absent reports whether the value is missing or null.
func (v value) absent() bool { return v.raw == nil || v.is('n') }

// object is a JSON object, taken apart.
type object struct {
	at      string
	raw     jsontext.Value
	members map[string]jsontext.Value
}

// value returns the object as it was before it was taken apart.
func (o object) value() value { return value{o.at, o.raw} }

// get returns a member, which may be missing.
func (o object) get(key string) value {
	return value{strings.TrimPrefix(o.at+"."+key, "."), o.members[key]}
}

func (o object) has(key string) bool { return o.members[key] != nil }

// want adds a fault unless the value is there and of a kind.
func (c *checker) want(v value, kind jsontext.Kind) bool {
	switch {
	case v.raw == nil:
		c.fault(v.at, "missing")
	case !v.is(kind):
		c.fault(v.at, "want %s, got %s", kindName(kind), kindName(v.raw.Kind()))
	default:
		return true
	}
	return false
}

// object takes an object apart.
func (c *checker) object(v value) (object, bool) {
	if !c.want(v, '{') {
		return object{}, false
	}
	o := object{at: v.at, raw: v.raw}
	decode(v, &o.members)
	return o, true
}

// only adds a fault for each key that is not among the known.
func (c *checker) only(o object, whose string, known []string) {
	for _, key := range slices.Sorted(maps.Keys(o.members)) {
		if !slices.Contains(known, key) {
			c.fault(o.get(key).at, "%s has no such key", whose)
		}
	}
}

// others adds a note for each key that is not among the known.
func (c *checker) others(o object, known []string) {
	for _, key := range slices.Sorted(maps.Keys(o.members)) {
		if !slices.Contains(known, key) {
			c.note(o.get(key).at, "not part of the format: it is ignored")
		}
	}
}

// list returns the elements of an array that is not empty.
func (c *checker) list(v value) ([]value, bool) {
	list, ok := c.anyList(v)
	if ok && len(list) == 0 {
		c.fault(v.at, "want at least one")
	}
	return list, len(list) > 0
}

// anyList returns the elements of an array.
func (c *checker) anyList(v value) ([]value, bool) {
	if !c.want(v, '[') {
		return nil, false
	}
	var elements []jsontext.Value
	decode(v, &elements)
	list := make([]value, len(elements))
	for i, raw := range elements {
		list[i] = value{fmt.Sprintf("%s[%d]", v.at, i), raw}
	}
	return list, true
}

// anyText returns a string.
func (c *checker) anyText(v value) (string, bool) {
	if !c.want(v, '"') {
		return "", false
	}
	var s string
	decode(v, &s)
	return s, true
}

// text returns a string that is not empty.
func (c *checker) text(v value) (string, bool) {
	s, ok := c.anyText(v)
	if ok && s == "" {
		c.fault(v.at, "want text, it is empty")
	}
	return s, ok && s != ""
}

// maybeEmpty is anyText with a note where the string is empty.
func (c *checker) maybeEmpty(v value) {
	if s, ok := c.anyText(v); ok && s == "" {
		c.note(v.at, "the text is empty")
	}
}

// decode decodes a value whose kind was checked; that it is valid the checker saw
// before it took the line apart.
func decode(v value, into any) { _ = json.Unmarshal(v.raw, into) }

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "text"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	}
	return "null"
}
