package powerloss

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/explog/explog/evals/internal/memfs"
)

// ears follow a record and know what explog has acknowledged so far. A program
// waits until what it says is in the record, so an acknowledgement stands exactly
// where it was given, and not where it was noticed.
type ears struct {
	script *script
	step   *step
	line   string // what was said since the last line's end
	saved  int    // lines of the step's input
	acked  total
}

// hear takes the next operation and reports whether more is acknowledged by it.
func (e *ears) hear(o memfs.Op) bool {
	before := e.acked
	switch o.Kind {
	case memfs.Step:
		e.step, e.line, e.saved = e.script.steps[o.Offset], "", 0
	case memfs.Said:
		lines := strings.Split(e.line+string(o.Data), "\n")
		for _, line := range lines[:len(lines)-1] {
			e.understand(line)
		}
		e.line = lines[len(lines)-1]
	}
	return e.acked != before
}

// understand knows the two ways in which explog says that something is saved: the
// id of a record, and a batch of an import.
func (e *ears) understand(line string) {
	var n int
	if _, err := uuid.Parse(line); err == nil {
		n = 1
	} else if _, err := fmt.Sscanf(line, "Saved batch of %d experiments", &n); err != nil {
		return
	}
	e.saved += n
	if e.saved > 0 && e.saved <= len(e.step.given.totals) {
		e.acked = e.acked.atLeast(e.step.given.totals[e.saved-1])
	}
}
