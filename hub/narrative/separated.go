package narrative

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// parseCSV takes fields between commas apart, or between semicolons where the header
// has these: R's write.csv2 and spreadsheets write them in countries with a decimal comma.
func parseCSV(data string, f *faults) table {
	s := newScanner(unixLines(data))
	t := table{separator: s.separator, quoted: strings.HasPrefix(strings.TrimLeft(s.data[s.at:], "\r\n"), `"`)}
	for {
		r, ok, err := s.record()
		if err != nil {
			f.add(err.line, "", "%s", err.problem)
			break // nobody knows where the next row begins
		}
		if !ok {
			break
		}
		if t.header == nil {
			t.setHeader(r)
			continue
		}
		t.rows = append(t.rows, r)
	}
	t.square(f)
	return t
}

// unixLines turns the line ends of old Macs into others.
func unixLines(data string) string {
	if strings.IndexByte(data, '\n') < 0 {
		return strings.ReplaceAll(data, "\r", "\n")
	}
	return data
}

// separatorLine is a first line that tells Excel the separator.
var separatorLine = regexp.MustCompile(`^"?sep=([,;|\t])"?\r?\n`)

// newScanner begins to read a file.
func newScanner(data string) scanner {
	if found := separatorLine.FindStringSubmatch(data); found != nil {
		return scanner{data: data, separator: found[1][0], at: len(found[0]), line: 2, lineStart: len(found[0])}
	}
	return scanner{data: data, separator: csvSeparator(data), line: 1}
}

// csvSeparator picks the separator by the header: the one that makes the most usual
// names of it, else the most names.
func csvSeparator(data string) byte {
	best, most := byte(','), 0
	for _, separator := range []byte{',', ';'} {
		s := scanner{data: data, separator: separator, line: 1}
		r, ok, err := s.record()
		if !ok || err != nil || len(r.cells) == 1 {
			continue
		}
		const usual = 1000 // counts for more than any number of other names
		points := len(r.cells)
		for _, c := range r.cells {
			if isUsual(strings.TrimSpace(c.text)) {
				points += usual
			}
		}
		if points > most {
			best, most = separator, points
		}
	}
	return best
}

// isUsual reports whether a column has a usual name.
func isUsual(name string) bool {
	return slices.ContainsFunc(slices.Concat(usualIDs, usualTexts, usualFlags), func(usual string) bool {
		return strings.EqualFold(usual, name)
	})
}

// scanner reads records of CSV: RFC 4180, with any separator and without a change to
// what stands in quotes. (Package encoding/csv turns CRLF there into LF.)
type scanner struct {
	data      string
	separator byte
	at        int // of the next byte
	line      int // that it is on
	lineStart int
}

// scanError is what keeps a record from being read.
type scanError struct {
	line    int
	problem string
}

// record reads the next record that is not an empty line; false: there is none.
func (s *scanner) record() (r row, ok bool, err *scanError) {
	for s.at < len(s.data) && s.lineEnd() > 0 {
		s.newLine()
	}
	if s.at == len(s.data) {
		return row{}, false, nil
	}
	r.line = s.line
	for {
		c := cell{kind: '"', line: s.line}
		if s.data[s.at:] != "" && s.data[s.at] == '"' {
			c.text, err = s.quoted(r.line)
		} else {
			c.text, err = s.plain()
		}
		if err != nil {
			return row{}, false, err
		}
		r.cells = append(r.cells, c)
		if s.at < len(s.data) && s.data[s.at] == s.separator {
			s.at++
			continue
		}
		s.newLine()
		return r, true, nil
	}
}

// lineEnd returns the length of the line end that begins here; 0: none does.
func (s *scanner) lineEnd() int {
	rest := s.data[s.at:]
	switch {
	case strings.HasPrefix(rest, "\n"):
		return 1
	case strings.HasPrefix(rest, "\r\n"):
		return 2
	case rest == "\r":
		return 1
	}
	return 0
}

// newLine goes behind the line end that begins here.
func (s *scanner) newLine() {
	s.at += s.lineEnd()
	s.line++
	s.lineStart = s.at
}

// plain reads a field without quotes.
func (s *scanner) plain() (string, *scanError) {
	start := s.at
	for s.at < len(s.data) {
		switch c := s.data[s.at]; {
		case c == s.separator, c == '\n', c == '\r' && s.lineEnd() > 0:
			return s.data[start:s.at], nil
		case c == '"':
			return "", s.fault(s.line, `a quote stands inside a field that does not begin with one, at byte %d of the line; put the field in quotes and write "" for a quote in it (what follows was not read)`, s.at-s.lineStart+1)
		}
		s.at++
	}
	return s.data[start:], nil
}

// quoted reads a field in quotes.
func (s *scanner) quoted(record int) (string, *scanError) {
	const bad = `a quoted field in this row does not end as it should (line %d, byte %d): behind its last quote comes a separator or the end of the line, and a quote in it is written "", not \" (what follows was not read)`
	s.at++
	start, doubled := s.at, false
	for ; s.at < len(s.data); s.at++ {
		switch s.data[s.at] {
		case '\n':
			s.line++
			s.lineStart = s.at + 1
		case '"':
			if strings.HasPrefix(s.data[s.at:], `""`) {
				doubled = true
				s.at++
				continue
			}
			text := s.data[start:s.at]
			s.at++
			if s.at < len(s.data) && s.data[s.at] != s.separator && s.lineEnd() == 0 {
				return "", s.fault(record, bad, s.line, s.at-s.lineStart)
			}
			if doubled {
				text = strings.ReplaceAll(text, `""`, `"`)
			}
			return text, nil
		}
	}
	return "", s.fault(record, bad, s.line, s.at-s.lineStart)
}

func (s *scanner) fault(line int, format string, args ...any) *scanError {
	return &scanError{line, fmt.Sprintf(format, args...)}
}
