package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/explog/explog"
)

// importVoice says on standard error what happens during an import.
type importVoice struct {
	c       *console
	opts    explog.ImportOptions
	verbose bool
	far     *progress
	said    map[string]int // problems told, by kind
	percent int64          // scores above 1 and up to 100
}

func newImportVoice(c *console, o explog.ImportOptions, verbose bool) *importVoice {
	return &importVoice{c: c, opts: o, verbose: verbose, far: newProgress(c), said: make(map[string]int)}
}

// enough is how many problems of one kind are told one by one.
const enough = 10

func (v *importVoice) result(r explog.ImportResult) {
	v.far.clear()
	where := fmt.Sprintf("%s:%d", sourceName(r.Source), r.Line)
	if r.Clamped != nil {
		if given, err := strconv.ParseFloat(r.Clamped.Given, 64); err == nil && 1 < given && given <= 100 {
			v.percent++
		}
		if r.Status != explog.Conflicting {
			v.tell("clamped", "%s", clampText(where, r.Result))
		}
	}
	switch {
	case r.Status == explog.Rejected:
		v.tell("rejected", "%s (byte %d): rejected: %s", where, r.Offset, faultText(r.Result))
	case r.Status == explog.Conflicting:
		v.tell("conflicting", "%s (byte %d): conflict: %s", where, r.Offset, conflictText(r.Result))
	case r.Noted != nil:
		v.tell("noted", "%s: duplicate of %s, which differs in %s", where, r.ID, strings.Join(r.Noted, ", "))
	}
}

func (v *importVoice) tell(kind, format string, args ...any) {
	if v.said[kind]++; v.said[kind] > enough {
		return
	}
	if kind == "noted" {
		v.c.note(format, args...)
	} else {
		v.c.warn(format, args...)
	}
}

func (v *importVoice) batch(n int, soFar explog.ImportReport) {
	if v.verbose {
		v.far.clear()
		fmt.Fprintf(v.c.err, "Saved batch of %d experiments\n", n)
	}
	v.far.update(soFar.Read)
}

// end sums up what was not told one by one, and says what an import that did not
// end well has saved.
func (v *importVoice) end(r explog.ImportReport, err error) {
	v.far.clear()
	for _, kind := range []string{"clamped", "rejected", "conflicting", "noted"} {
		if more := v.said[kind] - enough; more > 0 {
			v.c.note("and %d more %s", more, kind)
		}
	}
	if v.percent > (r.Read-r.Rejected)/2 && v.opts.Scale == nil {
		v.c.note("most scores are above 1 and up to 100, and look like percentages; %s maps them to 0..1", "explog import --scale 0..100")
	}
	if n := r.Rejected + r.Conflicting; n > 0 && err == nil && !v.opts.DryRun {
		v.c.note("%s kept; see: explog rejects list", plural(n, "reject"))
	}
	if err != nil && r.New > 0 && !v.opts.DryRun && !v.opts.Strict {
		v.c.note("%s read and safe before that: %d new, %d duplicate", plural(r.Read, "record"), r.New, r.Duplicate)
	}
}

func sourceName(source string) string {
	if source == "-" || source == "" {
		return "standard input"
	}
	return source
}

func clampText(where string, r explog.Result) string {
	side := "above 1"
	if r.Clamped.Kept == 0 {
		side = "below 0"
	}
	return fmt.Sprintf("%s: record %s: score %s is %s and counts as %v", where, r.ID, r.Clamped.Given, side, r.Clamped.Kept)
}

func faultText(r explog.Result) string {
	parts := make([]string, len(r.Faults))
	for i, f := range r.Faults {
		parts[i] = f.String()
	}
	return strings.Join(parts, "; ")
}

func conflictText(r explog.Result) string {
	fields := make([]string, len(r.Faults))
	for i, f := range r.Faults {
		fields[i] = f.Field
	}
	return fmt.Sprintf("record %s is there with other content (%s)", r.ID, strings.Join(fields, ", "))
}
