package main

import (
	"encoding/csv"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// python is the program that runs the Python of the documents.
func python() string {
	if p := os.Getenv("EXPLOG_PYTHON"); p != "" {
		return p
	}
	return "python3"
}

// block FILE LANGUAGE OUT writes the first block of code of a language in a document.
func block(ts *testscript.TestScript, _ bool, args []string) {
	_, rest, ok := strings.Cut(ts.ReadFile(args[0]), "\n```"+args[1]+"\n")
	code, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		ts.Fatalf("%s has no block of %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(code+"\n"), 0o644))
}

// samecolumns GOT WANT wants each row of a CSV file in the same place of the other, with the
// same values in all columns that both have; numbers may differ by 1e-12. Ten columns at
// least must be in both.
func sameColumns(ts *testscript.TestScript, _ bool, args []string) {
	got, want := readCSV(ts, args[0]), readCSV(ts, args[1])
	if len(got) != len(want) || len(got) < 2 {
		ts.Fatalf("%d rows, want %d", len(got), len(want))
	}
	compared := 0
	for i, name := range got[0] {
		j := slices.Index(want[0], name)
		if j < 0 {
			continue
		}
		compared++
		for n := 1; n < len(got); n++ {
			if !sameCell(got[n][i], want[n][j]) {
				ts.Fatalf("row %d: %s is %q, want %q", n, name, got[n][i], want[n][j])
			}
		}
	}
	if compared < 10 {
		ts.Fatalf("of %v only %d are in %v", got[0], compared, want[0])
	}
	seconds := slices.Index(got[0], "seconds")
	for n := 1; n < len(got); n++ {
		if x, err := strconv.ParseFloat(got[n][seconds], 64); err != nil || x < 0 || x > 3600 {
			ts.Fatalf("row %d took %q seconds", n, got[n][seconds])
		}
	}
}

func sameCell(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil || errY != nil {
		return a == b
	}
	return math.Abs(x-y) <= 1e-12*max(1, math.Abs(y))
}

func readCSV(ts *testscript.TestScript, name string) [][]string {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(name))).ReadAll()
	ts.Check(err)
	return rows
}
