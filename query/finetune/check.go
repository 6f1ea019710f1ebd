package finetune

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxFaults = 100      // that a report keeps
	maxLine   = 64 << 20 // bytes of an example
	maxPath   = 200      // bytes of the place of a fault
)

// Report is what a check found in a file.
type Report struct {
	Format   Format `json:"format"`
	Examples int    `json:"examples"` // lines, valid or not
	Invalid  int    `json:"invalid"`  // lines with a fault
	// Faults are in the order of the file; the first 100 are kept.
	Faults []Fault `json:"faults"`
	Found  int     `json:"found"` // all faults, kept or not
}

// Valid reports whether the file follows the format's rules.
func (r Report) Valid() bool { return r.Found == 0 }

// Fault is one place in which a file breaks a rule.
type Fault struct {
	Line int    `json:"line"`         // from 1; 0: the file as a whole
	At   string `json:"at,omitempty"` // where in the example, e.g. messages[1].weight
	What string `json:"what"`         // what is wrong
}

// String returns the fault as a message, without the file's name.
func (f Fault) String() string {
	s := f.What
	if f.At != "" {
		s = f.At + ": " + s
	}
	if f.Line > 0 {
		s = fmt.Sprintf("line %d: %s", f.Line, s)
	}
	return s
}

// MinExamples is the least number of examples that a file to train with must have:
// 10 for OpenAI's formats, else 1.
func (f Format) MinExamples() int {
	if f == OpenAI || f == OpenAIDPO {
		return 10
	}
	return 1
}

// Check reads a file to train with and names all that breaks the format's rules.
// The error is the reader's.
func Check(r io.Reader, f Format) (Report, error) {
	return check(r, f, f.MinExamples())
}

// CheckHeldOut is [Check] for a held-out part, which may be of any size.
func CheckHeldOut(r io.Reader, f Format) (Report, error) {
	return check(r, f, 0)
}

func check(r io.Reader, f Format, least int) (Report, error) {
	c := checker{report: Report{Format: f, Faults: []Fault{}}, format: f}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		c.example(lines.Bytes())
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		c.line++
		c.fault("", "over %d MiB without an end of line: one example a line (JSONL); what follows is not checked", maxLine>>20)
		err = nil
	}
	if c.report.Examples < least {
		c.line = 0
		c.fault("", "%d of the %d examples that are needed at least", c.report.Examples, least)
	}
	return c.report, err
}

// checker checks the examples of a file, one after the other.
type checker struct {
	format Format
	report Report
	line   int
	// shape is what TRL's prompts and answers are in this file; empty: not known yet.
	shape jsontext.Kind
}

// fault adds a fault of the present line.
func (c *checker) fault(at, format string, args ...any) {
	c.report.Found++
	if len(c.report.Faults) < maxFaults {
		if len(at) > maxPath { // a key as long as the file
			at = strings.ToValidUTF8(at[:maxPath], "") + "…"
		}
		c.report.Faults = append(c.report.Faults, Fault{c.line, at, fmt.Sprintf(format, args...)})
	}
}

// example checks one line.
func (c *checker) example(line []byte) {
	c.line++
	c.report.Examples++
	before := c.report.Found
	switch raw := jsontext.Value(line); {
	case len(bytes.TrimSpace(line)) == 0:
		c.fault("", "the line is empty")
	case !raw.IsValid():
		c.fault("", "%s", whyNotJSON(line))
	default:
		c.follow(value{raw: raw})
	}
	if c.report.Found > before {
		c.report.Invalid++
	}
}

// whyNotJSON says why a line is not one value of strict JSON.
func whyNotJSON(line []byte) string {
	d := jsontext.NewDecoder(bytes.NewReader(line))
	_, err := d.ReadValue()
	if err == nil {
		return "something stands after the end of the JSON object"
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "not JSON: it ends in the middle"
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON: %v, at byte %d", syntax.Err, syntax.ByteOffset)
	}
	return fmt.Sprintf("not JSON: %v", err)
}
