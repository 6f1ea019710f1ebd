package narrative

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// elements visits the elements of a part, each when it begins.
func (b *workbook) elements(part string, visit func(d *xml.Decoder, e xml.StartElement) error) error {
	r, err := b.open(part)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // it is only read
	d := xml.NewDecoder(r)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			if err := visit(d, e); err != nil {
				return fmt.Errorf("%s: %w", part, err)
			}
		}
	}
}

// richText is a text, whole or in parts with a look of their own. What a reader is told
// about pronunciation is no part of it.
type richText struct {
	Text string `xml:"t"`
	Runs []struct {
		Text string `xml:"t"`
	} `xml:"r"`
}

func (t richText) String() string {
	var b strings.Builder
	b.WriteString(t.Text)
	for _, r := range t.Runs {
		b.WriteString(r.Text)
	}
	return unescaped(b.String())
}

// escape is how a workbook writes a character that XML cannot have.
var escape = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

func unescaped(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	return escape.ReplaceAllStringFunc(text, func(e string) string {
		c, err := strconv.ParseUint(e[2:6], 16, 32)
		if err != nil || c >= 0xD800 && c < 0xE000 {
			return e // half of a character
		}
		return string(rune(c))
	})
}

// readShared reads the texts that cells refer to by their number.
func (b *workbook) readShared(part string) ([]string, error) {
	var list []string
	err := b.elements(part, func(d *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		var t richText
		err := d.DecodeElement(&t, &e)
		list = append(list, t.String())
		return err
	})
	return list, err
}

// readStyles finds out which styles show a number as a date.
func (b *workbook) readStyles(part string) ([]bool, error) {
	var styles struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Cells []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := b.decode(part, &styles); err != nil {
		return nil, err
	}
	own := make(map[int]bool)
	for _, f := range styles.Formats {
		own[f.ID] = showsDate(f.Code)
	}
	dates := make([]bool, len(styles.Cells))
	for i, c := range styles.Cells {
		date, isOwn := own[c.Format]
		dates[i] = date || !isOwn && isDateFormat(c.Format)
	}
	return dates, nil
}

// isDateFormat reports whether one of the formats that every workbook has is of dates
// (ECMA-376, part 1, section 18.8.30).
func isDateFormat(id int) bool {
	return id >= 14 && id <= 22 || id >= 27 && id <= 36 || id >= 45 && id <= 47 || id >= 50 && id <= 58
}

// literal is what in a format does not stand for a part of the number.
var literal = regexp.MustCompile(`"[^"]*"|\\.|_.|\*.|\[(?:[^hmsHMS\]][^\]]*)\]`)

// showsDate reports whether a format is of dates or times.
func showsDate(code string) bool {
	code = strings.ToLower(literal.ReplaceAllString(code, ""))
	return !strings.Contains(code, "general") && strings.ContainsAny(code, "ymdhs")
}

// readSheet reads the rows of a sheet. The first that is not blank is the header.
func (b *workbook) readSheet(part string) (table, error) {
	var t table
	at := row{}
	take := func() {
		switch {
		case !hasText(at):
		case t.header == nil:
			t.setHeader(at)
		default:
			t.rows = append(t.rows, at.padded(len(t.header)))
		}
	}
	err := b.elements(part, func(d *xml.Decoder, e xml.StartElement) error {
		switch e.Name.Local {
		case "row":
			take()
			line, err := strconv.Atoi(attribute(e, "r"))
			if err != nil || line <= at.line {
				line = at.line + 1
			}
			at = row{line: line}
		case "c":
			return b.readCell(d, e, &at)
		}
		return nil
	})
	if err != nil {
		return table{}, err
	}
	take()
	return t, nil
}

// hasText reports whether a row has a cell that is not blank.
func hasText(r row) bool {
	for _, c := range r.cells {
		if strings.TrimSpace(c.text) != "" {
			return true
		}
	}
	return false
}

// padded is a row with as many cells as there are columns: a sheet leaves out those that
// are blank, and what stands beside the table is no part of it.
func (r row) padded(columns int) row {
	for len(r.cells) < columns {
		r.cells = append(r.cells, cell{kind: '"', line: r.line})
	}
	r.cells = r.cells[:columns]
	return r
}

// readCell reads a cell into its row.
func (b *workbook) readCell(d *xml.Decoder, e xml.StartElement, to *row) error {
	var c struct {
		Formula *string  `xml:"f"`
		Value   *string  `xml:"v"`
		Inline  richText `xml:"is"`
	}
	if err := d.DecodeElement(&c, &e); err != nil {
		return err
	}
	column, err := columnOf(attribute(e, "r"), len(to.cells))
	if err != nil {
		return err
	}
	is := cell{kind: '"', line: to.line}
	switch {
	case c.Value != nil:
		is.text, err = b.valueText(e, *c.Value)
		if attribute(e, "t") == "e" {
			is.kind = kindError
		}
	case c.Formula != nil:
		is.text, is.kind = *c.Formula, kindNoValue
	case attribute(e, "t") == "inlineStr":
		is.text = c.Inline.String()
	}
	if err != nil {
		return fmt.Errorf("row %d %w", to.line, err)
	}
	for len(to.cells) <= column {
		to.cells = append(to.cells, cell{kind: '"', line: to.line})
	}
	to.cells[column] = is
	return nil
}

// valueText is what a cell shows for its saved value.
func (b *workbook) valueText(e xml.StartElement, value string) (string, error) {
	number := strings.TrimSpace(value)
	switch attribute(e, "t") {
	case "s":
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n >= len(b.shared) {
			return "", fmt.Errorf("refers to the text %s, which is not there", quote(value))
		}
		return b.shared[n], nil
	case "str":
		return unescaped(value), nil
	case "b":
		return map[string]string{"1": "TRUE", "0": "FALSE"}[number], nil
	case "e", "d":
		return value, nil
	}
	return b.numberText(number, attribute(e, "s")), nil
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

const maxColumns = 16384 // of a sheet

// columnOf returns the column of a cell that is called as in B7, from 0; without a name
// it is the next one.
func columnOf(name string, next int) (int, error) {
	column := 0
	for i := 0; i < len(name) && name[i] >= 'A' && name[i] <= 'Z' && column <= maxColumns; i++ {
		column = column*26 + int(name[i]-'A') + 1
	}
	if name == "" {
		column = next + 1
	}
	if column < 1 || column > maxColumns {
		return 0, fmt.Errorf("a cell is called %s", quote(name))
	}
	return column - 1, nil
}

// numberText is a number as text: a whole one without a point, and a date as a date.
func (b *workbook) numberText(value, style string) string {
	x, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return value
	}
	if n, err := strconv.Atoi(style); err == nil && n >= 0 && n < len(b.dates) && b.dates[n] {
		if text, ok := b.from.text(x); ok {
			return text
		}
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// dateSystem is the day from which a workbook counts.
type dateSystem int

const (
	since1900 dateSystem = iota
	since1904
)

// text is a number of days as a date, or as a time, or as both.
func (s dateSystem) text(days float64) (string, bool) {
	const mostDays = 2958466 // of the year 10000
	if !(days >= 0 && days < mostDays) {
		return "", false
	}
	first := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case s == since1904:
		first = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case days < 60: // Excel has a 29th of February 1900, as Lotus 1-2-3 had
		first = first.AddDate(0, 0, 1)
	}
	whole := int(days)
	const secondsOfDay = 24 * 60 * 60
	at := first.AddDate(0, 0, whole).Add(time.Duration((days-float64(whole))*secondsOfDay+0.5) * time.Second)
	clock := at.Hour() + at.Minute() + at.Second()
	switch {
	case whole == 0:
		return at.Format(time.TimeOnly), true
	case clock == 0:
		return at.Format(time.DateOnly), true
	}
	return at.Format(time.DateTime), true
}
