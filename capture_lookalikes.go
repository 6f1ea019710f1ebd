package explog

import (
	"bytes"
)

// lookout notices lines that have the keys of a record and are not records, among
// the lines that pass: with text before the object, a Python dict, a list, or an
// object on several lines.
type lookout struct {
	tell func(line int64, text string) // nil: nothing is looked for

	text           []byte // the beginning of the line
	tail           []byte // what came last of it: a key may come in two pieces
	problem, score bool   // the line has the key
	returned       bool   // the line is written over by what comes next
	object         openObject
}

// openObject is an object whose keys are on lines of their own.
type openObject struct {
	line           int64 // of its first key; 0: there is no such object
	text           string
	problem, score bool
}

const (
	shownOfLine = 200  // bytes of a line that are told
	mostLines   = 1000 // of an object
)

// see takes a piece of a line, which ends where the line does or is written over.
func (l *lookout) see(piece []byte) {
	if l.tell == nil {
		return
	}
	content := bytes.Trim(piece, "\r\n")
	if l.returned && len(content) > 0 {
		l.startLine()
	}
	if bytes.HasSuffix(piece, []byte{'\r'}) {
		l.returned = true
	}
	l.text = append(l.text, content[:min(len(content), shownOfLine+1-min(len(l.text), shownOfLine+1))]...)
	if l.problem && l.score {
		return
	}
	l.tail = append(l.tail, content...)
	l.problem = l.problem || hasKey(l.tail, "problem")
	l.score = l.score || hasKey(l.tail, "score")
	const longestKey = len(`"problem"`)
	l.tail = l.tail[:copy(l.tail, l.tail[max(0, len(l.tail)-longestKey):])]
}

func (l *lookout) startLine() {
	l.text, l.tail = l.text[:0], l.tail[:0]
	l.problem, l.score, l.returned = false, false, false
}

// endLine tells of the line, or of the object that ends its keys with it. A line that
// was kept is not looked at.
func (l *lookout) endLine(number int64, kept bool) {
	if l.tell == nil {
		return
	}
	switch {
	case kept:
		l.object = openObject{}
	case l.problem && l.score:
		l.object = openObject{}
		l.tell(number, l.shown())
	default:
		l.endPart(number)
	}
	l.startLine()
}

// endPart takes a line that may be part of an object.
func (l *lookout) endPart(number int64) {
	text := bytes.TrimLeft(l.text, " \t[,(")
	if bytes.HasPrefix(text, []byte{'{'}) || number-l.object.line > mostLines {
		l.object = openObject{}
	}
	text = bytes.TrimLeft(text, " \t{")
	problem, score := startsWithKey(text, "problem"), startsWithKey(text, "score")
	if !problem && !score {
		return
	}
	if l.object.line == 0 {
		l.object.line, l.object.text = number, l.shown()
	}
	l.object.problem = l.object.problem || problem
	l.object.score = l.object.score || score
	if l.object.problem && l.object.score {
		l.tell(l.object.line, l.object.text)
		l.object = openObject{}
	}
}

func (l *lookout) shown() string {
	if len(l.text) > shownOfLine {
		return string(l.text[:shownOfLine]) + "…"
	}
	return string(l.text)
}

// hasKey reports whether a name stands in a text as a key is written: in quotes of
// either kind, perhaps escaped, or before an equals sign.
func hasKey(text []byte, name string) bool {
	for at := 0; ; {
		n := bytes.Index(text[at:], []byte(name))
		if n < 0 {
			return false
		}
		before := byteAt(text, at+n-1)
		at += n + len(name)
		switch after := byteAt(text, at); {
		case before == '"' || before == '\'':
			if after == before || after == '\\' {
				return true
			}
		case after == '=' && !isWord(before):
			return true
		}
	}
}

func startsWithKey(text []byte, name string) bool {
	return len(text) > 0 && (text[0] == '"' || text[0] == '\'') && hasKey(text[:min(len(text), len(name)+2)], name)
}

// byteAt returns a byte of a text; 0 where it has none.
func byteAt(text []byte, i int) byte {
	if i < 0 || i >= len(text) {
		return 0
	}
	return text[i]
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
