// Package tabular writes records as tables for other tools: CSV and Parquet.
//
// A table has the nine fields of a record as columns, in the order of the schema
// and under its names. Nested values, account_snapshot and sources_used, are JSON
// text. With [Options.All] a last column, extra, has the fields that the schema does
// not know as one JSON object.
//
// Rows are written as they come, so memory does not grow with their number. Where
// they come from is the caller's business.
package tabular

import (
	"bufio"
	"encoding/csv"
	"io"
	"iter"
	"strings"

	"github.com/explog/explog/event"
)

// Options say what a table is to have.
type Options struct {
	// All asks for the column extra.
	All bool
	// FormulaSafe, in CSV, puts an apostrophe before each text that a spreadsheet
	// could take for a formula: one that begins with =, +, -, @, their full-width
	// forms, a tab or the end of a line (OWASP, "CSV Injection"). It changes what is
	// written, so what is read back is no longer what was saved. The file begins with a
	// byte-order mark, without which Excel takes UTF-8 for the code page of its country.
	// Parquet has types and needs no such thing.
	FormulaSafe bool
}

var header = []string{
	"id", "client_id", "run_id", "problem", "solution", "score", "timestamp",
	"account_snapshot", "sources_used",
}

// WriteCSV writes rows as CSV (RFC 4180, but lines end in a bare newline), with a
// header, and returns the number of rows. Scores and timestamps are as they were
// given. An error of the rows is returned as it is.
func WriteCSV(w io.Writer, rows iter.Seq2[event.Row, error], o Options) (int64, error) {
	buf := bufio.NewWriterSize(w, 256<<10)
	out := csv.NewWriter(buf)
	if o.FormulaSafe {
		if _, err := buf.WriteString("\ufeff"); err != nil {
			return 0, err
		}
	}
	cells := append([]string(nil), header...)
	if o.All {
		cells = append(cells, "extra")
	}
	if err := out.Write(cells); err != nil {
		return 0, err
	}
	var n int64
	for r, err := range rows {
		if err != nil {
			return n, err
		}
		cells = append(cells[:0], r.ID, r.ClientID, r.RunID, r.Problem, r.Solution, r.Score, r.Timestamp, r.AccountSnapshot, r.SourcesUsed)
		if o.All {
			cells = append(cells, extra(r))
		}
		if o.FormulaSafe {
			disarm(cells)
		}
		if err := out.Write(cells); err != nil {
			return n, err
		}
		n++
	}
	out.Flush()
	return n, out.Error()
}

// disarm puts an apostrophe before what a spreadsheet could take for a formula. A
// score is a number, whatever it begins with.
func disarm(cells []string) {
	for i, cell := range cells {
		first := strings.IndexAny(cell, "=+-@＝＋－＠\t\r\n") == 0
		if first && header[min(i, len(header)-1)] != "score" {
			cells[i] = "'" + cell
		}
	}
}

// extra returns the fields that the schema does not know as a JSON object.
func extra(r event.Row) string {
	if r.Extra == "" {
		return "{}"
	}
	return r.Extra
}
