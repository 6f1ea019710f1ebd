package input

import "bytes"

// finder finds where a value ends. It is called with all bytes from the value's
// beginning and the index up to which it has seen them, and keeps its state from
// call to call.
type finder interface {
	find(b []byte, from int) (end int, found bool)
	// restart tells it that the next call begins a new buffer, at the value's
	// beginning once more.
	restart()
}

// lineEnd finds the end of a line.
type lineEnd struct{}

func (lineEnd) restart() {}

func (lineEnd) find(b []byte, from int) (int, bool) {
	if n := bytes.IndexByte(b[from:], '\n'); n >= 0 {
		return from + n, true
	}
	return 0, false
}

// everything finds the end of the input only.
type everything struct{}

func (everything) restart()                     {}
func (everything) find([]byte, int) (int, bool) { return 0, false }

// structure finds the end of a JSON value by its brackets and quotes. It does not
// check what stands between them.
//
// Where the structure breaks (a line ends inside a string, which JSON does not
// allow), the end of the value cannot be known. In an array it is taken to be
// where a line begins with "{" at the same column as this element did; else at
// the end of the input.
type structure struct {
	inArray bool
	column  int // of the element in its line; -1: it does not begin the line

	depth  int
	quoted bool
	escape bool
	begun  bool // a value that is not nested has begun
	broken bool
	indent int // of the current line, while only white space was met; -1: no more
}

func (s *structure) restart() { *s = structure{inArray: s.inArray, column: s.column} }

func (s *structure) find(b []byte, from int) (int, bool) {
	for i := from; i < len(b); i++ {
		c := b[i]
		switch {
		case s.broken:
			if s.resumesAt(c) {
				return trimComma(b, i), true
			}
		case s.quoted:
			i = s.inString(b, i)
		case c == '"':
			s.quoted, s.begun = true, true
		case c == '{' || c == '[':
			s.depth++
			s.begun = true
		case c == '}' || c == ']':
			if s.depth == 0 { // the array's own bracket, or rubbish
				if s.inArray {
					return i, true
				}
				continue
			}
			if s.depth--; s.depth == 0 {
				return i + 1, true
			}
		case s.depth == 0 && s.inArray && (c == ',' || isSpace(c)):
			return i, true
		}
	}
	return 0, false
}

// inString goes on inside a string and returns the index of the last byte that it
// has dealt with.
func (s *structure) inString(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case s.escape:
			s.escape = false
		case c == '\\':
			s.escape = true
		case c == '"':
			s.quoted = false
			return i
		case c == '\n':
			s.quoted, s.broken, s.indent = false, true, 0
			return i
		}
	}
	return i
}

// resumesAt reports whether the next element begins at this byte of a broken one.
func (s *structure) resumesAt(c byte) bool {
	switch {
	case c == '\n':
		s.indent = 0
	case s.indent < 0:
	case c == ' ' || c == '\t' || c == '\r':
		s.indent++
	case c == '{' && s.inArray && s.indent == s.column:
		return true
	default:
		s.indent = -1
	}
	return false
}

// trimComma returns the end of what stands before i without the comma that
// separates it from there.
func trimComma(b []byte, i int) int {
	end := len(trimEnd(b[:i]))
	if end > 0 && b[end-1] == ',' {
		return end - 1
	}
	return end
}
