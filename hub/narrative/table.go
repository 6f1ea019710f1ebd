package narrative

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The usual names of the columns.
var (
	usualIDs   = []string{"narrative_id", "incident_id", "IncidentID", "id"}
	usualTexts = []string{"narrative_text", "narrative", "text"}
	usualFlags = []string{"manual_flag", "manual_flag_ind", "flag", "label"}
)

// table is a file's content, whatever its format was.
type table struct {
	header []string
	line   int // of the header; 0: the format has none
	rows   []row
}

// row is one row, with its cells in the order of the header. It may have fewer.
type row struct {
	line  int
	cells []cell
}

// cell is one value.
type cell struct {
	text string
	kind jsontext.Kind // 'n' for null, kindAbsent; CSV has strings alone
	line int
}

const kindAbsent jsontext.Kind = 0

// at returns the cell in a column.
func (r row) at(column int) cell {
	if column >= len(r.cells) {
		return cell{kind: kindAbsent, line: r.line}
	}
	return r.cells[column]
}

// narratives takes the rows for what their columns say they are.
func (t table) narratives(cols Columns, f *faults) Set {
	if t.header == nil && t.rows == nil {
		return Set{} // the parser has said why
	}
	id := t.find("id", cols.ID, usualIDs, f)
	text := t.find("text", cols.Text, usualTexts, f)
	flag := t.find("flag", cols.Flag, usualFlags, f)
	if len(t.rows) == 0 && len(*f) == 0 {
		f.add(0, "", "the file has a header and no narratives")
	}
	list := make([]Narrative, len(t.rows))
	lines := make(map[string]int, len(t.rows)) // where an id stood first
	for i, r := range t.rows {
		list[i].Line = r.line
		if id >= 0 {
			list[i].ID = readID(r.at(id), t.header[id], lines, f)
		}
		if text >= 0 {
			list[i].Text = readText(r.at(text), t.header[text], f)
		}
		if flag >= 0 {
			list[i].Flag = readFlag(r.at(flag), t.header[flag], f)
		}
	}
	set := Set{Narratives: list}
	if flag >= 0 {
		set.Label = t.header[flag]
	}
	return set
}

// find returns the index of the column that is asked for, or of the first of the
// usual ones; -1: there is none. That is a fault, unless it is the flag's and
// nobody asked for it.
func (t table) find(what, asked string, usual []string, f *faults) int {
	names := usual
	if asked != "" {
		names = []string{asked}
	}
	found := t.match(names)
	switch {
	case len(found) == 1:
		return found[0]
	case len(found) > 1:
		f.add(t.line, "", "two columns are called %s; rename the one that does not hold the %s", quote(t.header[found[0]]), what)
	case what != "flag" || asked != "":
		f.add(t.line, "", "no column %s, which would hold the %s; the columns are %s%s",
			strings.Join(names, " or "), what, t.columns(), t.separatorHint())
	}
	return -1
}

// match returns the columns under the first of the names that the header has. Only
// where it has none does the case of letters not matter.
func (t table) match(names []string) []int {
	exactly := func(a, b string) bool { return a == b }
	for _, same := range []func(a, b string) bool{exactly, strings.EqualFold} {
		for _, name := range names {
			var found []int
			for i, column := range t.header {
				if same(column, name) {
					found = append(found, i)
				}
			}
			if found != nil {
				return found
			}
		}
	}
	return nil
}

// columns lists the header for an error.
func (t table) columns() string {
	const most = 30
	var list []string
	for i, name := range t.header {
		if i == most {
			list = append(list, "…")
			break
		}
		list = append(list, quote(name))
	}
	if list == nil {
		return "none at all"
	}
	return strings.Join(list, ", ")
}

// separatorHint says what to do where the header was not split at all.
func (t table) separatorHint() string {
	if len(t.header) == 1 && strings.ContainsAny(t.header[0], ";,\t|") {
		return "; between columns stands a comma in a .csv file, a tab in a .tsv file"
	}
	return ""
}

// readID reads an id and sees that no other row has it.
func readID(c cell, column string, lines map[string]int, f *faults) string {
	if c.kind != '"' && c.kind != '0' && c.kind != 'n' && c.kind != kindAbsent {
		f.add(c.line, column, "want an id, a text or a number; got %s", quote(c.text))
		return ""
	}
	id := strings.TrimSpace(c.text)
	if id == "" {
		f.add(c.line, column, "the id is blank; each narrative needs one")
		return ""
	}
	if first, taken := lines[id]; taken {
		f.add(c.line, column, "the id %s stands on line %d already; ids must differ", quote(id), first)
		return ""
	}
	lines[id] = c.line
	return id
}

// readText reads a text. One of white space alone is blank.
func readText(c cell, column string, f *faults) string {
	switch c.kind {
	case '"':
		if strings.TrimSpace(c.text) == "" {
			return ""
		}
		return c.text
	case 'n':
		return ""
	case kindAbsent:
		f.add(c.line, column, "the narrative has no text; write an empty one if that is meant")
	default:
		f.add(c.line, column, "want a text, got %s", quote(c.text))
	}
	return ""
}

// readFlag reads what was set by hand; nil: nothing was.
func readFlag(c cell, column string, f *faults) *bool {
	switch strings.ToLower(strings.TrimSpace(c.text)) {
	case "true", "t", "yes", "y", "1", "1.0":
		return new(true)
	case "false", "f", "no", "n", "0", "0.0":
		return new(false)
	case "", "na", "n/a", "null", "none":
		return nil
	}
	f.add(c.line, column, "the flag %s is neither yes (TRUE, yes, 1) nor no (FALSE, no, 0) nor open (NA, none, nothing)", quote(c.text))
	return nil
}
