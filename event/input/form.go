package input

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// form is how an input is built.
type form uint8

const (
	formDocument form = iota // one value, or what is none
	formArray
	formLines
	formGlued // lines, of which the first is an object with something behind it
)

// recognize decides on the form of the input, which begins with a byte that is not
// white space. It reads ahead only as far as it must, so that the first records of a
// slow pipe do not wait for later ones.
func (s *splitter) recognize() (form, error) {
	if is, err := s.utf16(); err != nil {
		return 0, err
	} else if is {
		return 0, s.unsupported(utf16Format)
	}
	if s.ahead()[0] == '[' {
		return s.arrayOrLines()
	}
	end, err := s.peekLine(0)
	if err != nil {
		return 0, err
	}
	line := s.ahead()[:end]
	if f := formatOf(line); f != nil {
		return 0, s.unsupported(*f)
	}
	_, withComma := beforeComma(trimEnd(line))
	tooLong := end == s.max && len(s.ahead()) > s.max // others may follow, as behind a complete one
	switch {
	case completeObject(line), withComma, tooLong && !binary(line):
		return formLines, nil
	case line[0] == '{':
		return s.objectOrLines()
	}
	return s.textOrLines()
}

// arrayOrLines decides on an input that begins with a bracket. It is an array if an
// element can be read: an object between separators. It is JSONL if a line is a
// complete object and no comma follows, or if the array has ended or cannot be read.
func (s *splitter) arrayOrLines() (form, error) {
	limit := s.max
	probe := splitter{window: window{src: &peeker{window: &s.window, limit: limit}}, max: limit}
	readable, err := probe.readableArray()
	switch {
	case s.failed():
		return 0, s.err
	case err != nil && !errors.Is(err, io.EOF):
		return 0, err
	case readable:
		return formArray, nil
	}
	found, err := s.hasCompleteLine(limit, s.column())
	if found {
		return formLines, err
	}
	return formArray, err
}

// readableArray reads elements until it knows whether they can be read as those of
// an array. It is called on a splitter of its own, which it advances.
func (s *splitter) readableArray() (bool, error) {
	if err := s.need(1); err != nil {
		return false, err
	}
	s.advance(1)
	for separated, object := true, false; ; {
		c, err := s.skipSpace()
		switch {
		case err != nil:
			return false, err
		case (c == ',' || c == ']') && object:
			return true, nil
		case c == ']':
			return false, nil
		case c == ',' || c == '}':
			separated = c == ','
			s.advance(1)
			continue
		}
		alone := s.column() == 0
		v, err := s.take(&structure{inArray: true, column: s.column()})
		if err != nil {
			return false, err
		}
		object = v.Fault == nil && completeObject(v.Raw)
		if object && alone && !bytes.ContainsRune(v.Raw, '\n') {
			if next, err := s.skipSpace(); err != nil || next != ',' && next != ']' {
				return false, err
			}
		}
		object = object && separated
		separated = false
	}
}

// objectOrLines decides on an input that begins with a brace and whose first line
// is not a complete object.
func (s *splitter) objectOrLines() (form, error) {
	d := jsontext.NewDecoder(&peeker{window: &s.window, limit: s.max}, lenient...)
	err := d.SkipValue()
	if s.failed() {
		return 0, s.err
	}
	end := int(d.InputOffset())
	whole := err == nil
	if whole && bytes.IndexByte(s.ahead()[:end], '\n') >= 0 {
		return formDocument, nil
	}
	// Where lines are indented more than the first, they belong to a document that
	// was cut or has a fault, and not to JSONL.
	found, err := s.hasCompleteLine(s.max, s.column())
	switch {
	case found && whole:
		return formGlued, err
	case found:
		return formLines, err
	}
	return formDocument, err
}

// textOrLines decides on an input that does not begin with a bracket or brace.
func (s *splitter) textOrLines() (form, error) {
	found, err := s.hasCompleteLine(s.max, s.max)
	switch {
	case err != nil:
		return 0, err
	case found:
		return formLines, nil
	}
	start := s.ahead()[:min(len(s.ahead()), 64<<10, s.max)]
	if binary(start) {
		return 0, s.unsupported(binaryFormat)
	}
	if f := tableFormat(start); f != nil {
		return 0, s.unsupported(*f)
	}
	return formDocument, nil
}

// hasCompleteLine reports whether a line ahead is a complete object, perhaps with a
// comma behind it, that begins at most indent columns into its line. It reads ahead
// to the first such line, at most up to a limit.
func (s *splitter) hasCompleteLine(limit, indent int) (bool, error) {
	for from := 0; from < limit; {
		end, err := s.peekLine(from)
		if err != nil {
			return false, err
		}
		line := s.ahead()[from:min(end, limit)]
		text := bytes.TrimLeft(line, " \t")
		if len(line)-len(text) <= indent {
			if _, ok := beforeComma(trimEnd(text)); ok || completeObject(text) {
				return true, nil
			}
		}
		if end == len(s.ahead()) {
			return false, nil
		}
		from = end + 1
	}
	return false, nil
}

// failed reports whether reading the input has failed.
func (w *window) failed() bool { return w.err != nil && !errors.Is(w.err, io.EOF) }

// peekLine returns the end of the line that begins at an index ahead, or of as
// much of it as the limit for a value allows.
func (s *splitter) peekLine(from int) (int, error) {
	for seen := from; ; {
		line := s.ahead()[seen:]
		if n := bytes.IndexByte(line, '\n'); n >= 0 || len(s.ahead())-from > s.max {
			end := seen + n
			if n < 0 || end-from > s.max {
				end = from + s.max
			}
			return end, nil
		}
		seen = len(s.ahead())
		if err := s.need(seen + 1); errors.Is(err, io.EOF) {
			return seen, nil
		} else if err != nil {
			return 0, err
		}
	}
}

var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// completeObject reports whether a line is an object by its syntax. Faults such as
// duplicate keys are not looked at.
func completeObject(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 1 && line[0] == '{' && line[len(line)-1] == '}' && jsontext.Value(line).IsValid(lenient...)
}

// peeker reads what is ahead in a window, up to a limit, and leaves it there.
type peeker struct {
	window *window
	at     int
	limit  int
}

func (p *peeker) Read(b []byte) (int, error) {
	if p.at >= p.limit {
		return 0, io.EOF
	}
	if err := p.window.need(p.at + 1); err != nil {
		return 0, err
	}
	n := copy(b, p.window.ahead()[p.at:min(len(p.window.ahead()), p.limit)])
	p.at += n
	return n, nil
}
