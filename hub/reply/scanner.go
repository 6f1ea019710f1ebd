package reply

import (
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep objects and arrays may stand inside each other.
const maxDepth = 100

// scanner reads what is meant as JSON, with the tolerances of [StepLenient], and
// writes it as JSON. Its methods read at pos and report whether they found what they
// look for; where they did not, pos is where they gave up.
type scanner struct {
	text  string
	pos   int
	out   []byte
	found []object // whole objects with a flag that are in no other such; their JSON is part of out
	names []string // of the members that pos is in
	meant bool     // a quoted name or a flag's name was read: this is no prose
}

func (s *scanner) begin(at int) {
	s.pos, s.out, s.found, s.names, s.meant = at, s.out[:0], nil, s.names[:0], false
}

func (s *scanner) object(depth int) bool {
	from, mark, inner, flagged := s.pos, len(s.out), len(s.found), false
	s.pos++
	s.write('{')
	for first := true; !s.next('}'); first = false {
		if !first {
			s.write(',')
		}
		name, ok := s.name()
		if !ok {
			return false
		}
		s.names = append(s.names, name)
		if !s.value(depth) || !s.next(',') && !s.at('}') {
			return false
		}
		s.names = s.names[:len(s.names)-1]
		flagged = flagged || isFlagName(name)
	}
	s.write('}')
	if flagged {
		s.found = append(s.found[:inner], object{s.text[from:s.pos], s.out[mark:], roleOf(s.names)})
	}
	return true
}

func (s *scanner) array(depth int) bool {
	s.pos++
	s.write('[')
	for first := true; !s.next(']'); first = false {
		if !first {
			s.write(',')
		}
		if !s.value(depth) || !s.next(',') && !s.at(']') {
			return false
		}
	}
	s.write(']')
	return true
}

// name reads a name and the colon behind it.
func (s *scanner) name() (string, bool) {
	quotes, size := s.quote()
	s.pos += size
	from := s.pos
	for s.pos < len(s.text) && !s.nameEnds(quotes) {
		s.pos++
	}
	name := s.text[from:s.pos]
	if quotes != "" {
		_, size = s.quote()
		s.pos += size
	}
	if name == "" || (quotes != "" && size == 0) || !s.next(':') {
		s.meant = s.meant || quotes != "" && s.pos == len(s.text) // it is cut off
		return "", false
	}
	name = strings.ReplaceAll(name, `\`, "") // Markdown writes reasoning\_steps
	s.meant = s.meant || quotes != "" || isFlagName(name)
	s.out, _ = jsontext.AppendQuote(s.out, name)
	s.write(':')
	return name, true
}

// nameEnds reports whether a name ends at pos: at one of the quotes given, or,
// without quotes, before what is no letter, digit or underscore. No name has braces
// or line breaks.
func (s *scanner) nameEnds(quotes string) bool {
	c := s.text[s.pos]
	if quotes == "" {
		return c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
	}
	if c == '{' || c == '}' || c == '\n' {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s.text[s.pos:])
	return strings.ContainsRune(quotes, r)
}

func (s *scanner) value(depth int) bool {
	s.space()
	if quotes, size := s.quote(); quotes != "" {
		s.pos += size
		return s.quoted(quotes)
	}
	switch {
	case s.at('{'):
		return depth < maxDepth && s.object(depth+1)
	case s.at('['):
		return depth < maxDepth && s.array(depth+1)
	}
	return s.unquoted()
}

// quote returns the quotes that may end a string, if one begins at pos, and how many
// bytes the quote at pos has.
func (s *scanner) quote() (quotes string, size int) {
	r, size := utf8.DecodeRuneInString(s.text[s.pos:])
	switch r {
	case '"', '\'':
		return string(r), size
	case '“', '”':
		return "“”", size
	case '‘', '’':
		return "‘’", size
	}
	return "", 0
}

// quoted reads the rest of a string. A quote ends it only where a value may end, so
// that a quote that should have been escaped is part of it.
func (s *scanner) quoted(quotes string) bool {
	s.write('"')
	for s.pos < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[s.pos:])
		s.pos += size
		switch {
		case strings.ContainsRune(quotes, r) && s.valueEnds():
			s.write('"')
			return true
		case r == '\\':
			s.escape()
		case r == '"':
			s.write('\\', '"')
		case r < ' ':
			const hex = "0123456789abcdef"
			s.write('\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			s.out = utf8.AppendRune(s.out, r)
		}
	}
	return false
}

// escape reads what follows a backslash.
func (s *scanner) escape() {
	rest := s.text[s.pos:]
	switch {
	case rest == "":
	case strings.IndexByte(`"\/bfnrt`, rest[0]) >= 0:
		s.write('\\', rest[0])
		s.pos++
	case rest[0] == 'u' && len(rest) >= 5 && jsontext.Value(`"\`+rest[:5]+`"`).IsValid(jsontext.AllowInvalidUTF8(true)):
		s.write('\\')
		s.write([]byte(rest[:5])...)
		s.pos += 5
	case rest[0] == '\'':
		s.write('\'')
		s.pos++
	default:
		s.write('\\', '\\')
	}
}

// valueEnd is what follows a value: the end of its container, a comment, or a comma
// and the beginning of what may come next: a quoted name or value, a container, a
// name and its colon, a single word.
var valueEnd = lazily(`^` + space + `(?:$|[}\]]|//|/\*|,` + space +
	`(?:$|["'“”‘’{}\[\]]|//|/\*|[\w.+%-]+` + space + `[:,}\]]))`)

const space = `[\s\pZ\x{85}\x{FEFF}\x{200B}\x{2060}]*`

// valueEnds reports whether what follows says that a value ends at pos.
func (s *scanner) valueEnds() bool { return valueEnd().MatchString(s.text[s.pos:]) }

// unquoted reads a value without quotes up to where it may end.
func (s *scanner) unquoted() bool {
	from := s.pos
	for {
		i := strings.IndexAny(s.text[s.pos:], ",{}[]\"'\r\n/")
		if i < 0 {
			s.pos = len(s.text)
			break
		}
		s.pos += i
		if !s.at('/') || isComment(s.text[s.pos:]) {
			break
		}
		s.pos++
	}
	word := trim(s.text[from:s.pos])
	switch literal := strings.ToLower(word); literal {
	case "":
		return false
	case "true", "false", "null":
		s.write([]byte(literal)...)
	case "none", "undefined":
		s.write([]byte("null")...)
	default:
		if jsontext.Value(word).IsValid() { // a number
			s.write([]byte(word)...)
		} else {
			s.out, _ = jsontext.AppendQuote(s.out, word)
		}
	}
	return true
}

func isComment(text string) bool {
	return strings.HasPrefix(text, "//") || strings.HasPrefix(text, "/*")
}

// space skips white space and comments.
func (s *scanner) space() {
	for s.pos < len(s.text) {
		rest := s.text[s.pos:]
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case isSpace(r):
			s.pos += size
		case strings.HasPrefix(rest, "//"):
			s.skipPast("\n")
		case strings.HasPrefix(rest, "/*"):
			s.skipPast("*/")
		default:
			return
		}
	}
}

func (s *scanner) skipPast(end string) {
	if i := strings.Index(s.text[s.pos:], end); i >= 0 {
		s.pos += i + len(end)
	} else {
		s.pos = len(s.text)
	}
}

// next skips space and a byte, if it is the one given.
func (s *scanner) next(c byte) bool {
	s.space()
	if !s.at(c) {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.text) && s.text[s.pos] == c }

func (s *scanner) write(b ...byte) { s.out = append(s.out, b...) }
