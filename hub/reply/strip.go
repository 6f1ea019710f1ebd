package reply

import (
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// thoughts are the marks between which models think aloud.
var thoughts = []struct{ open, end string }{
	{"<think>", "</think>"},
	{"<thinking>", "</thinking>"},
	{"<reasoning>", "</reasoning>"},
	{"[THINK]", "[/THINK]"},
}

// strip returns the text without thoughts, without the code fence and the quotes of
// a JSON string around it, and without space at its ends.
func strip(text string) string {
	for _, t := range thoughts {
		text = withoutThoughts(text, t.open, t.end)
	}
	text = withoutFence(trim(text))
	if strings.HasPrefix(text, `"`) && jsontext.Value(text).IsValid() {
		text = trim(plain(jsontext.Value(text)))
	}
	return text
}

// withoutThoughts drops each thought. One that does not end lasts to the end of the
// text; one that does not begin was begun in the prompt.
func withoutThoughts(text, open, end string) string {
	var kept strings.Builder
	for {
		before, thought, found := strings.Cut(text, open)
		kept.WriteString(before)
		if !found {
			break
		}
		_, text, _ = strings.Cut(thought, end)
	}
	for text = kept.String(); ; {
		_, after, found := strings.Cut(text, end)
		if !found {
			return text
		}
		text = after
	}
}

// withoutFence drops the code fence at both ends of a text, with the language that
// the first one names.
func withoutFence(text string) string {
	const fence = "```"
	body, found := strings.CutPrefix(text, fence)
	if !found {
		return text
	}
	if language, rest, found := strings.Cut(body, "\n"); found && !strings.ContainsRune(language, '{') {
		body = rest
	}
	return trim(strings.TrimSuffix(trim(body), fence))
}

func trim(text string) string { return strings.TrimFunc(text, isSpace) }

// isSpace tells white space, also such as is not seen: byte order marks and spaces
// of no width.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\uFEFF' || r == '\u200B' || r == '\u2060'
}
