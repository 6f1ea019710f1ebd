package narrative

import (
	"regexp"
	"slices"
	"strings"
)

// missingTexts are what R, pandas and databases write for a missing text.
var missingTexts = []string{"NA", "N/A", "<NA>", "NaN", "NULL"}

// shortened is a long number as spreadsheets write it: 2.01901E+11 may have been many ids.
var shortened = regexp.MustCompile(`^[0-9][.,][0-9]+E\+[0-9]{2,}$`)

// spreadsheetErrors are what spreadsheets write for a formula that failed. A text that
// begins with = or - becomes one when it is typed in.
var spreadsheetErrors = []string{"#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!"}

// broken reports whether a cell has no value because a formula failed, which is a fault.
func broken(c cell, column, want string, f *faults) bool {
	switch {
	case c.kind == kindNoValue:
		f.add(c.line, column, "the %s has no saved value; open the workbook in a spreadsheet program and save it", strings.TrimSpace("formula "+c.text))
	case c.kind == kindError, c.kind == '"' && slices.Contains(spreadsheetErrors, strings.TrimSpace(c.text)):
		f.add(c.line, column, "the cell has the error %s instead of %s", quote(strings.TrimSpace(c.text)), want)
	default:
		return false
	}
	return true
}

// readText reads a text. It is empty if it is blank or missing.
func readText(c cell, column string, f *faults) string {
	if broken(c, column, "a text", f) {
		return ""
	}
	switch c.kind {
	case '"':
		if trimmed := strings.TrimSpace(c.text); trimmed == "" || slices.Contains(missingTexts, trimmed) {
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
	if broken(c, column, "a flag", f) {
		return nil
	}
	switch strings.ToLower(strings.TrimSpace(c.text)) {
	case "true", "t", "yes", "y", "1", "1.0", "1,0":
		return new(true)
	case "false", "f", "no", "n", "0", "0.0", "0,0":
		return new(false)
	case "", "na", "n/a", "<na>", "nan", "null", "none":
		return nil
	}
	f.add(c.line, column, "the flag %s is neither yes (TRUE, yes, 1) nor no (FALSE, no, 0) nor open (NA, none, nothing)", quote(c.text))
	return nil
}
