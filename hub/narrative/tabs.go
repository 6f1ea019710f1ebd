package narrative

import (
	"slices"
	"strings"
)

// parseTSV takes fields between tabs apart. A row is a line.
func parseTSV(data string, f *faults) table {
	data = unixLines(data)
	t := table{separator: '\t'}
	quoting := quotingOf(data)
	number := 0
	for line := range strings.Lines(data) {
		number++
		line = withoutEnd(line)
		if line == "" {
			continue
		}
		fields, ok := quoting.split(line)
		if !ok {
			f.add(number, "", `a quoted field does not end on its line; a row of TSV is one line, and a quote in a quoted field is written "" or \" (what follows was not read)`)
			break
		}
		r := row{line: number, cells: make([]cell, len(fields))}
		for i, text := range fields {
			r.cells[i] = cell{text: text, kind: '"', line: number}
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

func withoutEnd(line string) string { return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r") }

// quoting says what quotes mean in a file of TSV.
type quoting int

const (
	quotesAreText quoting = iota
	quotesOfR             // whole columns are quoted, as R does it; quotes in them are escaped or doubled
	quotesOfNeed          // what has a tab or a quote in it is quoted, and quotes in it are doubled
)

// quotingOf finds out what quotes mean. Where it is not the same throughout the file,
// they are text: a narrative may well begin with a quote.
func quotingOf(data string) quoting {
	header, rest := "", data
	for header == "" && rest != "" {
		line, behind, _ := strings.Cut(rest, "\n")
		header, rest = withoutEnd(line), behind
	}
	columns := strings.Count(header, "\t") + 1
	switch {
	case allQuoted(header):
		return quotesOfR
	case strings.Contains(header, `"`):
		return quotesAreText
	case strings.Contains(rest, `"`) && columnsQuoted(rest, columns):
		return quotesOfR
	}
	needed := false
	for line := range strings.Lines(rest) {
		if !strings.Contains(line, `"`) {
			continue
		}
		if !neededQuotes(withoutEnd(line), columns) {
			return quotesAreText
		}
		needed = true
	}
	if needed {
		return quotesOfNeed
	}
	return quotesAreText
}

// allQuoted reports whether each field of a line is quoted.
func allQuoted(line string) bool {
	fields, ok := quotedFields(line, true)
	return ok && !slices.ContainsFunc(fields, func(f field) bool { return !f.quoted })
}

// columnsQuoted reports whether each column is quoted in all rows or in none, and one of
// them is. What is missing is not quoted.
func columnsQuoted(rows string, columns int) bool {
	quoted, plain := make([]bool, columns), make([]bool, columns)
	for line := range strings.Lines(rows) {
		line = withoutEnd(line)
		if line == "" {
			continue
		}
		fields, ok := quotedFields(line, true)
		if !ok || len(fields) != columns {
			return false
		}
		for i, f := range fields {
			quoted[i] = quoted[i] || f.quoted
			plain[i] = plain[i] || !f.quoted && f.text != "" && f.text != "NA"
			if quoted[i] && plain[i] {
				return false
			}
		}
	}
	return slices.Contains(quoted, true)
}

// neededQuotes reports whether a line has as many fields as it should, and quotes only
// around those that need them.
func neededQuotes(line string, columns int) bool {
	fields, ok := quotedFields(line, false)
	for _, f := range fields {
		ok = ok && f.quoted == strings.ContainsAny(f.text, "\t\"")
	}
	return ok && len(fields) == columns
}

// split returns the fields of a line; false: a quoted one does not end.
func (q quoting) split(line string) ([]string, bool) {
	if q == quotesAreText {
		return strings.Split(line, "\t"), true
	}
	fields, ok := quotedFields(line, q == quotesOfR)
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.text
	}
	return texts, ok
}

// field is one of a line of TSV, without its quotes.
type field struct {
	text   string
	quoted bool
}

// quotedFields takes a line apart where quotes are no text; false: one does not end.
func quotedFields(line string, escaped bool) ([]field, bool) {
	var fields []field
	for {
		text, rest, found := strings.Cut(line, "\t")
		quoted := strings.HasPrefix(line, `"`)
		if quoted {
			var ok bool
			if text, rest, ok = unquote(line, escaped); !ok {
				return nil, false
			}
			found, rest = rest != "", strings.TrimPrefix(rest, "\t")
		}
		fields = append(fields, field{text, quoted})
		if !found {
			return fields, true
		}
		line = rest
	}
}

// unquote reads the quoted field with which a line begins: up to a quote with a tab or
// the end of the line behind it. Escaped, \" is a quote, too.
func unquote(line string, escaped bool) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		rest := line[i+1:]
		switch {
		case line[i] == '"' && strings.HasPrefix(rest, `"`):
			b.WriteByte('"')
			i++
		case line[i] == '"' && (rest == "" || rest[0] == '\t'):
			return b.String(), rest, true
		case line[i] == '"':
			return "", "", false
		case line[i] == '\\' && escaped && len(rest) > 1 && rest[0] == '"' && rest[1] != '\t':
			b.WriteByte('"')
			i++
		default:
			b.WriteByte(line[i])
		}
	}
	return "", "", false
}
