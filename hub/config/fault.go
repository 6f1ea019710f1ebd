package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a configuration.
type Fault struct {
	Line, Column int    // where it stands in the file, from 1; 0: nowhere
	Key          string // the key (or the flag) that it is about; empty: none
	Problem      string // what is wrong, and what to do
}

// InvalidError lists everything that is wrong with a configuration.
type InvalidError struct {
	Path   string
	Faults []Fault // at least one, in the order of the file
}

// maxShown is how many faults the text of an error lists.
const maxShown = 20

// Error returns the first faults, one a line, as "path:line:column: key: problem".
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
			fmt.Fprintf(&b, "%d:%d:", f.Line, f.Column)
		}
		if f.Key != "" {
			b.WriteString(" " + f.Key + ":")
		}
		b.WriteString(" " + f.Problem)
	}
	return b.String()
}

// faults gathers what is wrong.
type faults []Fault

// err returns nil where nothing is wrong. What several experiments have from one
// place is said once.
func (f faults) err(path string) error {
	if len(f) == 0 {
		return nil
	}
	slices.SortFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Key, b.Key), cmp.Compare(a.Problem, b.Problem))
	})
	return &InvalidError{Path: path, Faults: slices.Compact(f)}
}

// quote puts what the file has into quotes, shortened to what an error can hold.
func quote(s string) string {
	const most = 60 // characters
	for i := range s {
		if len([]rune(s[:i])) == most {
			return fmt.Sprintf("%q…", s[:i])
		}
	}
	return fmt.Sprintf("%q", s)
}
