package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// value is what a key is set to. Its methods read it as one type or another; where
// it is not of that type they add a fault and return the zero value.
type value struct {
	*reader
	key  string
	node *yaml.Node
}

func (v value) fault(format string, args ...any) { v.reader.fault(v.node, v.key, format, args...) }

// text reads a text.
func (v value) text() string {
	s, _ := v.string()
	return s
}

// string reads a text; false: it added a fault.
func (v value) string() (string, bool) {
	switch tag := v.node.ShortTag(); {
	case v.node.Kind != yaml.ScalarNode:
		v.fault("want a text, got %s", describe(v.node))
	case tag == "!!str" || tag == "!!timestamp":
		return v.expand(v.node.Value)
	case tag == "!!int" || tag == "!!float" || tag == "!!bool":
		v.fault("want a text, got %s; put it in quotes: %q", describe(v.node), v.node.Value)
	case tag == "!!null":
		v.fault("want a text, got nothing")
	default:
		v.fault("want a text, got the tag %s; leave it away", quote(tag))
	}
	return "", false
}

// line reads a text of one line that is not blank.
func (v value) line() string {
	s, ok := v.string()
	s = strings.TrimSpace(s)
	switch {
	case !ok:
	case s == "":
		v.fault("want a text, got a blank one")
	case strings.ContainsFunc(s, unicode.IsControl):
		v.fault("want one line of text, got a line break or another control character in it")
	default:
		return s
	}
	return ""
}

// texts reads a list of texts, at least one.
func (v value) texts() []string {
	if v.node.Kind != yaml.SequenceNode || len(v.node.Content) == 0 {
		v.fault("want a list such as [a, b], got %s", describe(v.node))
		return nil
	}
	list := make([]string, len(v.node.Content))
	for i, n := range v.node.Content {
		list[i] = value{v.reader, v.key, resolve(n)}.text()
	}
	return list
}

// lines reads a text of one line, or a list of them.
func (v value) lines() []string {
	if v.node.Kind != yaml.SequenceNode {
		return []string{v.line()}
	}
	list := v.texts()
	for i, n := range v.node.Content {
		list[i] = value{v.reader, v.key, resolve(n)}.line()
	}
	return list
}

// formerly notes that the key has another name now, under which it is read.
func (v value) formerly(name string) value {
	note := fmt.Sprintf("line %d: %s is called %s now, and is for all providers; the former name still works", v.node.Line, v.key, name)
	if !slices.Contains(v.notes, note) {
		v.notes = append(v.notes, note)
	}
	return v
}

// oneOf reads one of some words, in any case.
func (v value) oneOf(words ...string) string {
	s, ok := v.string()
	word := strings.ToLower(strings.TrimSpace(s))
	switch {
	case !ok:
	case !slices.Contains(words, word):
		v.fault("want %s, got %s", strings.Join(words, " or "), describe(v.node))
	default:
		return word
	}
	return ""
}

// numeral returns the text of a number: of one that stands in the file, or of
// whatever an environment variable holds. It is empty for anything else.
func (v value) numeral() (text string, ok bool) {
	if v.node.Kind != yaml.ScalarNode {
		return "", true
	}
	plain := v.node.Style&^yaml.TaggedStyle == 0
	switch tag := v.node.ShortTag(); {
	case tag == "!!int" || tag == "!!float":
		return v.node.Value, true
	case tag == "!!str" && plain && strings.Contains(v.node.Value, "${"):
		return v.expand(v.node.Value)
	}
	return "", true
}

// whole reads a whole number in decimal.
func (v value) whole(least, most int64) int64 {
	text, ok := v.numeral()
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case !ok:
	case err != nil || strconv.FormatInt(n, 10) != text || n < least || n > most:
		v.fault("want a whole number from %d to %d, got %s", least, most, describe(v.node))
	default:
		return n
	}
	return 0
}

// number reads a number.
func (v value) number(least, most float64) float64 {
	text, ok := v.numeral()
	n, err := strconv.ParseFloat(text, 64)
	inRange := n >= least && n <= most // NaN is not
	switch {
	case !ok:
	case err != nil || !inRange:
		v.fault("want a number from %v to %v, got %s", least, most, describe(v.node))
	default:
		return n
	}
	return 0
}

// duration reads a time such as 90s, or a number of seconds, up to a day.
func (v value) duration() time.Duration {
	text, ok := v.numeral()
	if ok && text == "" {
		text, ok = v.string()
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	switch {
	case !ok:
	case err != nil || d < time.Millisecond || d > 24*time.Hour:
		v.fault("want a time such as 90s or 2m, up to 24h, got %s", describe(v.node))
	default:
		return d
	}
	return 0
}

// url reads the address of a server, without the slash at its end. An address that
// will not do is not repeated, because there may be a secret in it.
func (v value) url() string {
	text, ok := v.string()
	text = strings.TrimRight(strings.TrimSpace(text), "/")
	u, err := url.Parse(text)
	switch {
	case !ok:
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		v.fault("want an address such as http://localhost:11434/v1")
	case u.User != nil:
		v.fault("an address with a user or a password in it would be logged; name the variable that has the key in api_key_env")
	case strings.ContainsAny(text, "?#"):
		v.fault("want an address without ? and #")
	case strings.HasSuffix(u.Path, "/chat/completions") || strings.HasSuffix(u.Path, "/messages"):
		v.fault("leave away what follows the version: /chat/completions and /messages are put there by explog")
	default:
		return text
	}
	return ""
}

// variable reads the name of an environment variable. What is none is not
// repeated: it may be the key itself.
func (v value) variable() string {
	name, ok := v.string()
	switch {
	case !ok:
	case !isName(name) || strings.ToUpper(name) != name:
		v.fault("want the name of an environment variable, in capitals, such as OPENAI_API_KEY; never the key itself")
	default:
		return name
	}
	return ""
}

// expand replaces each ${NAME} by the environment variable's value; false: it added
// a fault.
func (v value) expand(text string) (string, bool) {
	var b strings.Builder
	ok := true
	for {
		before, after, found := strings.Cut(text, "${")
		if !found {
			b.WriteString(text)
			return b.String(), ok
		}
		if plain, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(plain + "${")
			text = after
			continue
		}
		b.WriteString(before)
		name, rest, closed := strings.Cut(after, "}")
		if !closed || !isName(name) {
			v.fault("want ${NAME} with the name of an environment variable, got %s; write $${ for a plain ${", quote("${"+after))
			return "", false
		}
		set, isSet := v.lookupEnv(name)
		if !isSet {
			v.fault("the environment variable %s is not set", name)
			ok = false
		}
		b.WriteString(set)
		text = rest
	}
}

// isName reports whether an environment variable can have this name.
func isName(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
