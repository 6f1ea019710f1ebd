package input

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// tableFormat returns the format of a table with a line of names above lines of
// values, as many values as names; nil: the text is none.
func tableFormat(b []byte) *format {
	for _, kind := range []struct {
		comma rune
		name  string
		args  string
	}{{',', "CSV", ""}, {'\t', "TSV", `, delimiter="\t"`}, {';', "CSV with semicolons", `, delimiter=";"`}} {
		names := tableColumns(b, kind.comma)
		if names == nil {
			continue
		}
		f := format{name: kind.name + " with the columns " + shortened(names)}
		f.convert = "convert it to JSONL first, one object a line with problem, solution and score"
		if slices.Contains(names, "score") {
			f.convert = `python3 -c 'import csv, json, sys; [print(json.dumps(row | {"score": float(row["score"])})) for row in csv.DictReader(sys.stdin` +
				kind.args + `)]' <FILE` + importInput
		}
		return &f
	}
	return nil
}

// tableColumns returns the names of a table's columns; nil: the text is no table.
func tableColumns(b []byte, comma rune) []string {
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord = comma, -1
	names, err := r.Read()
	if err != nil || len(names) < 2 || !utf8.Valid(b[:min(len(b), int(r.InputOffset()))]) {
		return nil
	}
	row, err := r.Read()
	if errors.Is(err, io.EOF) {
		return onlyNames(names)
	}
	if err != nil || len(row) != len(names) {
		return nil
	}
	return names
}

// onlyNames returns names that are those of a record, where no line of values tells
// a table from prose.
func onlyNames(names []string) []string {
	if slices.Contains(names, "problem") || slices.Contains(names, "score") {
		return names
	}
	return nil
}

// shortened names as many columns as fit into a message.
func shortened(names []string) string {
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
