package narrative

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fault is one thing that is wrong with a file of narratives.
type Fault struct {
	Line    int    // from 1; 0: the file as a whole
	Column  string // the name of the column in the file; empty: the row as a whole
	Problem string // what is wrong, and what to do
}

// InvalidError lists everything that is wrong with a file of narratives.
type InvalidError struct {
	Path   string
	Faults []Fault // at least one, by line
}

// maxShown is how many faults the text of an error lists.
const maxShown = 20

// Error returns the first faults, one a line, as "path:line: column: problem".
func (e *InvalidError) Error() string {
	var b strings.Builder
	for i, f := range e.Faults {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more", len(e.Faults)-maxShown)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Path + ":")
		if f.Line > 0 {
			fmt.Fprintf(&b, "%d:", f.Line)
		}
		if f.Column != "" {
			b.WriteString(" " + f.Column + ":")
		}
		b.WriteString(" " + f.Problem)
	}
	return b.String()
}

// faults gathers what is wrong.
type faults []Fault

func (f *faults) add(line int, column, format string, args ...any) {
	*f = append(*f, Fault{line, column, fmt.Sprintf(format, args...)})
}

// err returns nil where nothing is wrong.
func (f faults) err(path string) error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return &InvalidError{Path: path, Faults: f}
}

// quote puts what the file has into quotes, shortened to what an error can hold.
func quote(s string) string {
	const most = 60 // bytes
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return fmt.Sprintf("%q…", s[:end])
}
