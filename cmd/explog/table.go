package main

import (
	"io"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
)

// column is a column of a table on a terminal.
type column struct {
	name string
	most int  // cells; 0: what the other columns leave
	keep bool // never narrower than its text, up to most
	num  bool // set to the right
}

// table prints rows that fit a terminal's width, one line each. Widths are in the
// terminal's cells, of which a wide character takes two. The first rows are held
// back until the widths that they need are known.
type table struct {
	w       io.Writer
	columns []column
	width   int // of the terminal
	bold    func(string) string
	widths  []int // of the columns, once they are set
	held    [][]string
}

// heldRows is how many rows decide on the widths.
const heldRows = 200

func newTable(w io.Writer, width int, bold func(string) string, columns ...column) *table {
	return &table{w: newSafeWriter(w), width: width, bold: bold, columns: columns}
}

// row takes one row; text that is too long is cut.
func (t *table) row(cells ...string) error {
	for i, cell := range cells {
		cells[i] = oneLine(cell)
	}
	if t.widths != nil {
		return t.print(cells, nil)
	}
	if t.held = append(t.held, cells); len(t.held) < heldRows {
		return nil
	}
	return t.flush()
}

// flush sets the widths and prints what was held back.
func (t *table) flush() error {
	if t.widths != nil || len(t.held) == 0 {
		return nil
	}
	t.setWidths()
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	if err := t.print(names, t.bold); err != nil {
		return err
	}
	for _, cells := range t.held {
		if err := t.print(cells, nil); err != nil {
			return err
		}
	}
	t.held = nil
	return nil
}

// setWidths gives each column what its texts need, up to its most, and the last
// one with no most the rest. Where the rest is too little, the columns that may be
// cut are.
func (t *table) setWidths() {
	const leastRest, gap = 20, 2
	t.widths = make([]int, len(t.columns))
	rest, left := -1, t.width-gap*(len(t.columns)-1)
	for i, c := range t.columns {
		if c.most == 0 {
			rest = i
			continue
		}
		w := cells(c.name)
		for _, row := range t.held {
			w = max(w, cells(row[i]))
		}
		t.widths[i] = min(w, c.most)
		left -= t.widths[i]
	}
	if rest < 0 {
		return
	}
	for i, c := range t.columns {
		if cut := min(leastRest-left, t.widths[i]-6); !c.keep && c.most > 0 && cut > 0 {
			t.widths[i] -= cut
			left += cut
		}
	}
	t.widths[rest] = max(left, 6)
}

func (t *table) print(cells []string, style func(string) string) error {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		tail := "…"
		if t.columns[i].keep {
			tail = ""
		}
		text := runewidth.Truncate(cell, t.widths[i], tail)
		if t.columns[i].num {
			b.WriteString(runewidth.FillLeft(text, t.widths[i]))
		} else {
			b.WriteString(runewidth.FillRight(text, t.widths[i]))
		}
	}
	line := strings.TrimRight(b.String(), " ")
	if style != nil {
		line = style(line)
	}
	_, err := io.WriteString(t.w, line+"\n")
	return err
}

// oneLine puts text into one line that is safe to print.
func oneLine(s string) string {
	return printable(strings.Join(strings.Fields(s), " "))
}

func scoreText(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// shortTime cuts a timestamp to minutes.
func shortTime(timestamp string) string {
	return strings.Replace(timestamp[:min(16, len(timestamp))], "T", " ", 1)
}

// truncate cuts text to a width in cells.
func truncate(s string, width int) string { return runewidth.Truncate(s, width, "…") }

// cells returns the width of text on a terminal.
func cells(s string) int { return runewidth.StringWidth(s) }
