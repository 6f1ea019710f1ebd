package narrative

import (
	"slices"
	"strconv"
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
	header    []string
	line      int // of the header; 0: the format has none
	separator byte
	quoted    bool   // the names of the columns are in quotes
	sheet     string // of a workbook
	rows      []row
}

// row is one row, with its cells in the order of the header. It may have fewer.
type row struct {
	line  int
	cells []cell
}

// cell is one value.
type cell struct {
	text string
	line int
	kind jsontext.Kind // 'n' for null, kindAbsent, kindError, kindNoValue; CSV has strings alone
}

const (
	kindAbsent  jsontext.Kind = 0
	kindError   jsontext.Kind = '!' // of a formula
	kindNoValue jsontext.Kind = '=' // a formula whose value was not saved
)

// at returns the cell in a column.
func (r row) at(column int) cell {
	if column >= len(r.cells) {
		return cell{kind: kindAbsent, line: r.line}
	}
	return r.cells[column]
}

// setHeader takes the names of the columns from a row.
func (t *table) setHeader(r row) {
	t.line = r.line
	for _, c := range r.cells {
		t.header = append(t.header, strings.TrimSpace(c.text))
	}
}

// square leaves out the rows that do not fit the header, each with a fault, and those
// that are blank, which spreadsheets write behind the last one.
func (t *table) square(f *faults) {
	t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return !hasText(r) })
	if t.numbered() {
		t.header = append([]string{""}, t.header...)
	}
	fitting := t.rows[:0]
	for _, r := range t.rows {
		if len(r.cells) == len(t.header) {
			fitting = append(fitting, r)
			continue
		}
		f.add(r.line, "", "the row has %d fields, the header %d, with %s between them; %s",
			len(r.cells), len(t.header), separatorName(t.separator), t.advice(r))
	}
	t.rows = fitting
}

// numbered reports whether each row has its number in front, and the header no name for
// it: so does R's write.table. In a file without quotes, a comma in each text looks the
// same, and in any file a separator at the end of each row does.
func (t *table) numbered() bool {
	if !t.quoted && t.separator != '\t' {
		return false
	}
	last := false
	for i, r := range t.rows {
		if len(r.cells) != len(t.header)+1 || r.cells[0].text != strconv.Itoa(i+1) {
			return false
		}
		last = last || strings.TrimSpace(r.cells[len(t.header)].text) != ""
	}
	return last && t.header != nil
}

// advice says why a row may have more or fewer fields than the header.
func (t *table) advice(r row) string {
	if last := len(r.cells) - 1; last == len(t.header) && strings.TrimSpace(r.cells[last].text) == "" {
		return "delete the one at the end of the row"
	}
	if t.separator != '\t' {
		return "a field with the separator, a quote or a line break in it must stand in quotes"
	}
	for _, c := range r.cells {
		if strings.HasPrefix(c.text, `"`) {
			return "a field with a tab or a line break in it cannot be read: a row is one line, and this file does not quote " +
				"consistently. Write it as .csv"
		}
	}
	return "a row is one line, without a tab or a line break in a field. Write the file as .csv to quote them"
}

func separatorName(separator byte) string {
	switch separator {
	case ';':
		return "semicolons"
	case '\t':
		return "tabs"
	case '|':
		return "bars"
	}
	return "commas"
}

// narratives takes the rows for what their columns say they are.
func (t table) narratives(cols Columns, f *faults) Set {
	if t.header == nil && t.rows == nil {
		return Set{} // the parser has said why
	}
	ids := t.findIDs(cols.ID, f)
	text := t.find("text", "text_column", cols.Text, usualTexts, f)
	flag := t.findFlag(cols.Flag, f)
	if len(t.rows) == 0 && len(*f) == 0 {
		f.add(0, "", "the file has a header and no narratives")
	}
	list := make([]Narrative, len(t.rows))
	lines := make(map[string]int, len(t.rows)) // where an id stood first
	for i, r := range t.rows {
		list[i].Line = r.line
		if ids != nil {
			list[i].ID = t.readID(r, ids, lines, f)
		}
		if text >= 0 {
			list[i].Text = readText(r.at(text), t.header[text], f)
		}
		if flag >= 0 {
			list[i].Flag = readFlag(r.at(flag), t.header[flag], f)
		}
	}
	set := Set{Sheet: t.sheet, Narratives: list}
	for _, id := range ids {
		set.IDs = append(set.IDs, t.header[id])
	}
	if text >= 0 {
		set.Text = t.header[text]
	}
	if flag >= 0 {
		set.Label = t.header[flag]
	}
	return set
}

// findIDs returns the columns that make up the ids; nil: a fault was added.
func (t table) findIDs(asked []string, f *faults) []int {
	if len(asked) == 0 {
		asked = []string{""}
	}
	var ids []int
	for _, name := range asked {
		id := t.find("id", "id_column", name, usualIDs, f)
		if id < 0 {
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

// findFlag returns the column of the flags, or -1. Several that have usual names are a
// fault: which one is meant cannot be known.
func (t table) findFlag(asked string, f *faults) int {
	var usual []int
	for i, name := range t.header {
		if slices.ContainsFunc(usualFlags, func(u string) bool { return strings.EqualFold(u, name) }) {
			usual = append(usual, i)
		}
	}
	if asked != "" || len(usual) == 1 {
		return t.find("flag", "flag_column", asked, usualFlags, f)
	}
	if len(usual) > 1 {
		var names []string
		for _, i := range usual {
			names = append(names, quote(t.header[i]))
		}
		f.add(t.line, "", "several columns can be the label: %s; name one of them with flag_column", strings.Join(names, ", "))
	}
	return -1
}

// find returns the index of the column that is asked for, or of the first of the
// usual ones; -1: there is none, which is a fault.
func (t table) find(what, key, asked string, usual []string, f *faults) int {
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
	default:
		f.add(t.line, "", "no column %s, which would hold the %s; the columns are %s%s. Name the right one with %s",
			strings.Join(names, " or "), what, t.columns(), t.headerHint(), key)
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

// headerHint says what to do about a header that was not split, or has no name for a column.
func (t table) headerHint() string {
	switch {
	case len(t.header) == 1 && strings.ContainsAny(t.header[0], ";,\t|"):
		return "; columns are separated by commas or semicolons in a .csv file, by tabs in a .tsv file"
	case slices.Contains(t.header, ""):
		return "; a column without a name needs one in the file"
	}
	return ""
}

// readID reads the id of a row and sees that no other row has it.
func (t table) readID(r row, columns []int, lines map[string]int, f *faults) string {
	parts := make([]string, len(columns))
	line := r.line
	for i, column := range columns {
		c, name := r.at(column), t.header[column]
		if broken(c, name, "an id", f) {
			return ""
		}
		switch c.kind {
		case '"', '0', 'n', kindAbsent:
		default:
			f.add(c.line, name, "want an id, a text or a number; got %s", quote(c.text))
			return ""
		}
		if parts[i] = strings.TrimSpace(c.text); parts[i] == "" {
			f.add(c.line, name, "the id is blank; each narrative needs one")
			return ""
		}
		if c.kind == '"' && shortened.MatchString(parts[i]) {
			f.add(c.line, name, "the id %s is a number that a spreadsheet has shortened; format the column as a number without decimals and save the file again", quote(parts[i]))
			return ""
		}
		line = c.line
	}
	id, column := strings.Join(parts, ":"), t.header[columns[0]]
	if first, taken := lines[id]; taken {
		f.add(line, column, "the id %s stands on line %d already; ids must differ", quote(id), first)
		return ""
	}
	lines[id] = line
	return id
}
