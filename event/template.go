package event

import (
	"regexp"
	"strings"
)

// Placeholder is a place in the text of a prompt that looks as if something is to be
// inserted there.
type Placeholder struct {
	Offset int    // of its first byte
	Token  string // as it is written
	Known  bool   // the text of the narrative is inserted here
}

// The spellings of the placeholder. [Placeholders] explains why the first two are
// matched before the others.
var (
	doubledPlaceholders = []string{"{{text}}", "<<TEXT>>"}
	singlePlaceholders  = []string{"{narrative}", "{text}"}
)

// Placeholders returns the placeholders of a prompt, in their order.
//
// {{text}}, <<TEXT>>, {narrative} and {text}, in exactly this spelling, are known. Any
// other {{…}}, and any other <<…>> on one line, is unknown. Braces of JSON are no
// placeholders, nor are runs of three or more angle brackets, which often delimit a
// text.
func Placeholders(prompt string) []Placeholder {
	var found []Placeholder
	for i := 0; i < len(prompt); {
		token, known := placeholderAt(prompt[i:])
		if token != "" {
			found = append(found, Placeholder{i, token, known})
		}
		i += max(len(token), literalRun(prompt[i:]))
	}
	return found
}

// placeholderAt returns the placeholder with which a text begins; empty: there is none.
func placeholderAt(s string) (token string, known bool) {
	switch {
	case strings.HasPrefix(s, "{{"):
		return bracesAt(s)
	case strings.HasPrefix(s, "<<"):
		return anglesAt(s)
	}
	for _, p := range singlePlaceholders {
		if strings.HasPrefix(s, p) {
			return p, true
		}
	}
	return "", false
}

// misspelt is a placeholder with a brace too many or too few.
var misspelt = regexp.MustCompile(`^\{\{\s*(text|narrative)\s*\}`)

// bracesAt reads what begins with {{. Without }} behind it, it is two braces.
func bracesAt(s string) (token string, known bool) {
	if strings.HasPrefix(s, doubledPlaceholders[0]) {
		return doubledPlaceholders[0], true
	}
	end := strings.Index(s, "}}")
	if end < 0 {
		return misspelt.FindString(s), false
	}
	end += len("}}")
	for end < len(s) && s[end] == '}' {
		end++
	}
	return s[:end], false
}

// anglesAt reads what begins with <<.
func anglesAt(s string) (token string, known bool) {
	inside := strings.IndexAny(s[2:], "<>\n")
	if inside < 0 || strings.TrimSpace(s[2:2+inside]) == "" {
		return "", false
	}
	if end := s[2+inside:]; !strings.HasPrefix(end, ">>") || literalRun(end) != 2 {
		return "", false
	}
	token = s[:2+inside+2]
	return token, token == doubledPlaceholders[1]
}

// literalRun is how many bytes at the beginning of a text belong together: those of a
// run of angle brackets, else one.
func literalRun(s string) int {
	if s[0] != '<' && s[0] != '>' {
		return 1
	}
	return len(s) - len(strings.TrimLeft(s, s[:1]))
}

// Template is a user message with one place for the text of a narrative. The zero
// value is that text alone.
type Template struct {
	before, after string
}

// ParseTemplate reads a template. It returns false unless there is exactly one
// placeholder and that is known.
func ParseTemplate(text string) (Template, bool) {
	found := Placeholders(text)
	if len(found) != 1 || !found[0].Known {
		return Template{}, false
	}
	p := found[0]
	return Template{text[:p.Offset], text[p.Offset+len(p.Token):]}, true
}

// Message returns the user message about a narrative. The narrative is inserted as it
// is: placeholders in it mean nothing.
func (t Template) Message(narrative string) string { return t.before + narrative + t.after }

// IsPlain reports whether a message is the narrative alone.
func (t Template) IsPlain() bool { return t == Template{} }

// Size is the length of a message without the narrative, in bytes.
func (t Template) Size() int { return len(t.before) + len(t.after) }
