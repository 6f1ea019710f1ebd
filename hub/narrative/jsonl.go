package narrative

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// parseJSONL takes JSON objects apart, one a line. The header is every key that
// one of them has, in the order of their first appearance. Lines that are no
// object are faults and left out.
func parseJSONL(data string, f *faults) table {
	var t table
	columns := make(map[string]int)
	number := 0
	for line := range strings.Lines(data) {
		number++
		if strings.TrimSpace(line) == "" || !utf8.ValidString(line) { // the latter is a fault already
			continue
		}
		r := row{line: number}
		err := members([]byte(line), func(name string, value cell) {
			column, known := columns[name]
			if !known {
				column = len(t.header)
				columns[name] = column
				t.header = append(t.header, name)
			}
			value.line = number
			r.set(column, value)
		})
		if err != nil {
			f.add(number, "", "%v", err)
			continue
		}
		t.rows = append(t.rows, r)
	}
	if len(t.rows) == 0 {
		t.header = nil // what a bad line names is no column
	}
	return t
}

// set puts a cell into a column.
func (r *row) set(column int, c cell) {
	for len(r.cells) <= column {
		r.cells = append(r.cells, cell{kind: kindAbsent, line: r.line})
	}
	r.cells[column] = c
}

// members visits the members of the one object on a line.
func members(line []byte, visit func(name string, value cell)) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(line))
	if d.PeekKind() != '{' && jsontext.Value(line).IsValid() {
		return errors.New("want one JSON object a line")
	}
	if _, err := d.ReadToken(); err != nil {
		return explain(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return explain(err)
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return explain(err)
		}
		visit(key, scalar(value))
	}
	if _, err := d.ReadToken(); err != nil {
		return explain(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the object; want one a line")
	}
	return nil
}

// scalar is a value as a cell: a string's text, nothing for null, anything else as
// it is written.
func scalar(value jsontext.Value) cell {
	c := cell{kind: value.Kind()}
	switch c.kind {
	case '"':
		text, _ := jsontext.AppendUnquote(nil, value) // the decoder found it valid
		c.text = string(text)
	case 'n':
	default:
		c.text = string(value)
	}
	return c
}

// explain says where a line ceases to be a JSON object.
func explain(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the JSON ends in the middle; want one object a line")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w, at byte %d of the line", syntax.Err, syntax.ByteOffset)
	}
	return err
}
