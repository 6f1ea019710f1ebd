package main

import (
	"io"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
)

// column is a column of a table; a width of 0 takes what the others leave.
type column struct {
	name  string
	width int
}

// table prints rows that fit a terminal's width, one line each. Widths are those
// of the terminal's cells: a wide character takes two.
type table struct {
	columns []column
}

func newTable(width int, columns ...column) *table {
	left := width
	for _, c := range columns {
		left -= c.width + 2
	}
	for i := range columns {
		if columns[i].width == 0 {
			columns[i].width = max(left+2, 12)
		}
	}
	return &table{columns}
}

func (t *table) header(w io.Writer) error {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return t.row(w, names...)
}

func (t *table) row(w io.Writer, cells ...string) error {
	var b strings.Builder
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString("  ")
		}
		text := strings.Join(strings.Fields(printable(strings.ReplaceAll(cells[i], "\n", " "))), " ")
		if i == 0 {
			text = runewidth.Truncate(text, c.width, "")
		}
		b.WriteString(runewidth.FillRight(runewidth.Truncate(text, c.width, "…"), c.width))
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), " ")+"\n")
	return err
}

func scoreText(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// shortTime cuts a timestamp to minutes.
func shortTime(timestamp string) string {
	return strings.Replace(timestamp[:min(16, len(timestamp))], "T", " ", 1)
}
