package reply

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// patience is how often, on average, a byte may be read in search of objects.
const patience = 8

// object is an object in a text.
type object struct {
	source string         // as it stands there
	json   jsontext.Value // as JSON
}

// lastObject returns the last object in a text that has a flag, nil where there is
// none. It is an error if what comes last is an object that is cut off or cannot be
// read: it may have been the answer.
func lastObject(text string) (*object, error) {
	var last *object
	broken := -1 // where an object behind last became unreadable
	s := scanner{text: text}
	for work := patience * len(text); ; {
		from := nextBrace(text, s.pos)
		if from < 0 {
			break
		}
		s.begin(from)
		whole := s.object(1)
		if work -= s.pos - from; work < 0 {
			return nil, unparsed("the text is too tangled to find an object")
		}
		switch {
		case whole && s.found != nil:
			last, broken = s.found, -1
			last.json = bytes.Clone(last.json)
		case whole:
		case s.meant:
			last, broken = nil, s.pos
		default: // a brace in prose
			s.pos = from + 1
		}
	}
	switch {
	case broken < 0:
		return last, nil
	case broken == len(text):
		return nil, unparsed("the text ends inside an object")
	}
	return nil, unparsed("the last object cannot be read, from %q on", clip(text[broken:]))
}

// nextBrace returns where the next object may begin: at the last of braces in a row,
// or -1.
func nextBrace(text string, from int) int {
	i := strings.IndexByte(text[from:], '{')
	if i < 0 {
		return -1
	}
	for i += from; i+1 < len(text) && text[i+1] == '{'; {
		i++
	}
	return i
}
