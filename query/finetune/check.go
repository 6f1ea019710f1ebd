package finetune

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxFaults = 100      // that a report keeps, and as many notes
	maxLine   = 64 << 20 // bytes of an example
	maxPath   = 200      // bytes of the place of a fault
)

// Report is what a check found in a file.
type Report struct {
	Format   Format `json:"format"`
	Examples int    `json:"examples"` // valid or not
	Invalid  int    `json:"invalid"`  // examples with a fault
	// Faults are in the order of the file; the first 100 are kept.
	Faults []Fault `json:"faults"`
	Found  int     `json:"found"` // all faults, kept or not
	// Notes are in the order in which each kind was first found, at most 100 kinds.
	Notes []Note `json:"notes"`
}

// Valid reports whether the file follows the format's rules.
func (r Report) Valid() bool { return r.Found == 0 }

// Fault is one place in which a file breaks a rule.
type Fault struct {
	Line    int    `json:"line"`              // from 1; 0: the file as a whole, or it is a JSON array
	Example int    `json:"example,omitempty"` // in a JSON array: the number of the element, from 1
	At      string `json:"at,omitempty"`      // where in the example, e.g. messages[1].weight
	What    string `json:"what"`              // what is wrong
}

// String returns the fault as a message, without the file's name.
func (f Fault) String() string {
	s := f.What
	if f.At != "" {
		s = f.At + ": " + s
	}
	if place := f.place(); place != "" {
		s = place + ": " + s
	}
	return s
}

func (f Fault) place() string {
	switch {
	case f.Example > 0:
		return fmt.Sprintf("example %d", f.Example)
	case f.Line > 0:
		return fmt.Sprintf("line %d", f.Line)
	}
	return ""
}

// Note is something that breaks no rule and that the author of the file may not have
// intended: a column that nothing reads, a text that is empty. Fault is the first
// place; notes that differ only in the line or an index are one.
type Note struct {
	Fault
	Count int `json:"count"` // of places
}

// String returns the note as a message, without the file's name.
func (n Note) String() string {
	if n.Count == 1 {
		return n.Fault.String()
	}
	return fmt.Sprintf("%s (and %d more)", n.Fault, n.Count-1)
}

// MinExamples is the least number of examples that a file to train with must have:
// 10 for OpenAI's formats, else 1.
func (f Format) MinExamples() int {
	if f.ofOpenAI() {
		return 10
	}
	return 1
}

func (f Format) ofOpenAI() bool { return f == OpenAI || f == OpenAIDPO }

// Check reads a file to train with and names all that breaks the format's rules. The
// file is JSONL or one JSON array, plain or packed with gzip or Zstandard. The error is
// the reader's.
func Check(r io.Reader, f Format) (Report, error) {
	return check(r, f, f.MinExamples())
}

// CheckHeldOut is [Check] for a held-out part, which may be of any size.
func CheckHeldOut(r io.Reader, f Format) (Report, error) {
	return check(r, f, 0)
}

func check(r io.Reader, f Format, least int) (Report, error) {
	c := checker{report: Report{Format: f, Faults: []Fault{}, Notes: []Note{}}, format: f, noted: make(map[string]int)}
	if err := c.read(r); err != nil {
		return c.report, err
	}
	if c.report.Examples < least {
		c.line, c.element = 0, 0
		c.fault("", "%d of the %d examples that are needed at least", c.report.Examples, least)
	}
	return c.report, nil
}

// checker checks the examples of a file, one after the other.
type checker struct {
	format  Format
	report  Report
	line    int
	element int // of a JSON array
	noted   map[string]int
	// columns is what the first example decided for a file of TRL; nil: none was read.
	columns *columns
}

// fault adds a fault of the current example.
func (c *checker) fault(at, format string, args ...any) {
	c.report.Found++
	if len(c.report.Faults) < maxFaults {
		c.report.Faults = append(c.report.Faults, c.place(at, fmt.Sprintf(format, args...)))
	}
}

// note adds a note of the current example, or counts one that is the same elsewhere.
func (c *checker) note(at, format string, args ...any) {
	n := Note{Fault: c.place(at, fmt.Sprintf(format, args...)), Count: 1}
	kind := index.ReplaceAllString(n.At, "[]") + "\x00" + index.ReplaceAllString(n.What, "[]")
	if i, ok := c.noted[kind]; ok {
		c.report.Notes[i].Count++
		return
	}
	if len(c.report.Notes) < maxFaults {
		c.noted[kind] = len(c.report.Notes)
		c.report.Notes = append(c.report.Notes, n)
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

func (c *checker) place(at, what string) Fault {
	if len(at) > maxPath { // a key as long as the file
		at = strings.ToValidUTF8(at[:maxPath], "") + "…"
	}
	return Fault{c.line, c.element, at, what}
}

// example checks one example, which the file has as these bytes.
func (c *checker) example(raw []byte) {
	switch value := jsontext.Value(raw); {
	case value.IsValid():
		c.value(value)
	case c.format.ofOpenAI():
		c.broken(raw)
	default:
		c.lenient(raw)
	}
}

// value checks one example.
func (c *checker) value(raw jsontext.Value) {
	c.report.Examples++
	before := c.report.Found
	c.follow(newValue(raw))
	if c.report.Found > before {
		c.report.Invalid++
	}
}

// broken adds a fault for an example that is not JSON.
func (c *checker) broken(raw []byte) {
	c.report.Examples++
	c.report.Invalid++
	if len(bytes.TrimSpace(raw)) == 0 {
		c.fault("", "the line is empty")
		return
	}
	c.fault("", "%s", whyNotJSON(raw))
}

// whyNotJSON says why a line is not one value of strict JSON.
func whyNotJSON(line []byte) string {
	d := jsontext.NewDecoder(bytes.NewReader(line))
	_, err := d.ReadValue()
	if err == nil {
		return "something stands after the end of the JSON object"
	}
	return syntaxFault(err)
}

func syntaxFault(err error) string {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "not JSON: it ends in the middle"
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON: %v, at byte %d", syntax.Err, syntax.ByteOffset)
	}
	return fmt.Sprintf("not JSON: %v", err)
}
