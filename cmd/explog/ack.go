package main

import (
	"fmt"
	"io"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
)

// ackForm is the value of --ack: how each line of standard input is answered.
type ackForm string

const (
	ackNone ackForm = ""
	ackID   ackForm = "id" // --ack
	ackJSON ackForm = "json"
)

// Set sets the form; "true" is what --ack alone means.
func (f *ackForm) Set(text string) error {
	switch text {
	case "true", string(ackID):
		*f = ackID
	case string(ackJSON):
		*f = ackJSON
	case "false":
		*f = ackNone
	default:
		return fmt.Errorf("want --ack or --ack=json")
	}
	return nil
}

func (f *ackForm) String() string   { return string(*f) }
func (f *ackForm) Get() any         { return *f }
func (f *ackForm) IsBoolFlag() bool { return true }

// acks prints one line for each line of the input, in their order. Where nobody reads
// them any more, the records still count.
type acks struct {
	form ackForm
	out  io.Writer
}

// ackLine is what --ack=json prints of a line.
type ackLine struct {
	Line   int64         `json:"line"`
	Status string        `json:"status"`
	ID     *string       `json:"id"` // null: there is no record
	Faults []event.Fault `json:"faults"`
}

func (a acks) result(r explog.ImportResult) {
	if a.form == ackID {
		id := "-"
		if r.Status == explog.New || r.Status == explog.Duplicate {
			id = r.ID
		}
		a.print(id + "\n")
		return
	}
	line := ackLine{Line: r.Line, Status: r.Status.String(), Faults: r.Faults}
	if r.ID != "" {
		line.ID = &r.ID
	}
	a.json(line)
}

// passed answers a line that is not a record.
func (a acks) passed(line int64) {
	if a.form == ackID {
		a.print("-\n")
		return
	}
	a.json(ackLine{Line: line, Status: "passed"})
}

func (a acks) print(text string) { _, _ = io.WriteString(a.out, text) } // a lossy counts what fails

func (a acks) json(line ackLine) {
	if line.Faults == nil {
		line.Faults = []event.Fault{} // not null
	}
	_ = printJSON(a.out, line) // as for print
}
