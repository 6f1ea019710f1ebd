package provider

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textWord is a run of letters and digits, in lower case.
type textWord struct {
	text     string
	end      int // byte offset in the text, after it
	sentence int // which one it stands in
}

// splitWords returns the words of a text. A sentence ends at . ! or ? before white
// space or the end, and at a semicolon.
func splitWords(text string) []textWord {
	var words []textWord
	sentence, start := 0, -1
	end := func(at int) {
		if start >= 0 {
			words = append(words, textWord{strings.ToLower(text[start:at]), at, sentence})
			start = -1
		}
	}
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			if start < 0 {
				start = i
			}
			continue
		}
		end(i)
		if r == ';' || strings.ContainsRune(".!?", r) && spaceFollows(text[i+1:]) {
			sentence++
		}
	}
	end(len(text))
	return words
}

// spaceFollows reports whether a text is at its end or goes on with white space,
// after quotes and brackets that close.
func spaceFollows(text string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, "\"')]”’"))
	return r == utf8.RuneError || unicode.IsSpace(r)
}

// phrase is one word or several in a row.
type phrase []string

func newPhrase(text string) phrase {
	var p phrase
	for _, w := range splitWords(text) {
		p = append(p, w.text)
	}
	return p
}

// at reports whether the phrase stands at words[i], within one sentence.
func (p phrase) at(words []textWord, i int) bool {
	if i < 0 || len(p) == 0 || i+len(p) > len(words) || words[i].sentence != words[i+len(p)-1].sentence {
		return false
	}
	for k, text := range p {
		if words[i+k].text != text {
			return false
		}
	}
	return true
}
