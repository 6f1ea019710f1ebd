package narrative

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// parseSeparated takes CSV apart, or what is like it with another separator. Rows
// that do not fit the header are faults and left out.
func parseSeparated(data []byte, separator rune, f *faults) table {
	if bytes.IndexByte(data, '\n') < 0 {
		data = bytes.ReplaceAll(data, []byte{'\r'}, []byte{'\n'}) // as old Macs ended lines
	}
	var t table
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = separator
	r.FieldsPerRecord = -1
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t
		}
		if err != nil {
			f.addQuoting(err)
			return t // nobody knows where the next row begins
		}
		line, _ := r.FieldPos(0)
		switch {
		case t.header == nil:
			t.line = line
			for _, name := range fields {
				t.header = append(t.header, strings.TrimSpace(name))
			}
		case len(fields) != len(t.header):
			f.add(line, "", "the row has %d fields, the header %d; a field with the separator, a quote or a line break in it must stand in quotes", len(fields), len(t.header))
		default:
			cells := make([]cell, len(fields))
			for i, text := range fields {
				at, _ := r.FieldPos(i)
				cells[i] = cell{text: text, kind: '"', line: at}
			}
			t.rows = append(t.rows, row{line, cells})
		}
	}
}

// addQuoting adds what keeps the rows from being told apart.
func (f *faults) addQuoting(err error) {
	var at *csv.ParseError
	switch {
	case !errors.As(err, &at):
		f.add(0, "", "%v", err)
	case errors.Is(err, csv.ErrBareQuote):
		f.add(at.Line, "", `a quote stands inside a field that does not begin with one, at byte %d of the line; put the field in quotes and write "" for a quote in it (what follows was not read)`, at.Column)
	default:
		f.add(at.StartLine, "", `a quoted field in this row does not end as it should (line %d, byte %d): behind its last quote comes a separator or the end of the line, and a quote in it is written "" (what follows was not read)`, at.Line, at.Column)
	}
}
