package powerloss

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// inputs are the files that explog is given, and what a store has that was given
// them all.
type inputs struct {
	dir  string
	text strings.Builder // the export: records in the order in which they were given first
	ends []int           // where each record's line ends in it
	bad  int             // lines that were no records
	err  error
}

// input is a file of records, one a line.
type input struct {
	path string
	// totals is what the store has, at least, once each line is saved.
	totals []total
}

// total counts records and rejects from the store's beginning.
type total struct{ records, rejects int }

func (t total) atLeast(o total) total {
	return total{max(t.records, o.records), max(t.rejects, o.rejects)}
}

// padding is white space in a record. It counts for the size of a batch (4 MiB)
// and is not stored: so there are many batches and the store stays small.
type padding int

const (
	plain  padding = 0
	padded padding = 500 << 10
)

// record makes an input of one record with a solution of so many bytes.
func (in *inputs) record(size int) input { return in.records(1, size, plain) }

// records makes an input of new records. Padded inputs have a line that is none.
func (in *inputs) records(n, size int, pad padding) input {
	var b strings.Builder
	var made input
	for i := range n {
		if pad > 0 && i == n/2 {
			in.bad++
			fmt.Fprintf(&b, "rubbish %d\n", in.bad)
			made.totals = append(made.totals, total{len(in.ends), in.bad})
		}
		line := in.line(size)
		fmt.Fprintf(&b, "%s%s}\n", strings.TrimSuffix(line, "}"), strings.Repeat(" ", int(pad)))
		in.text.WriteString(line + "\n")
		in.ends = append(in.ends, in.text.Len())
		made.totals = append(made.totals, total{len(in.ends), in.bad})
	}
	made.path = filepath.Join(in.dir, fmt.Sprintf("records-%d.jsonl", len(in.ends)))
	in.write(made.path, b.String())
	return made
}

// everything makes an input of all records that were made so far.
func (in *inputs) everything() input {
	made := input{path: filepath.Join(in.dir, "everything.jsonl")}
	for i := range in.ends {
		made.totals = append(made.totals, total{records: i + 1})
	}
	in.write(made.path, in.text.String())
	return made
}

func (in *inputs) write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil && in.err == nil {
		in.err = err
	}
}

// line is the next record, as an export writes it. Its solution is of the kind
// that compression makes little of.
func (in *inputs) line(size int) string {
	n := uint64(len(in.ends))
	rng := rand.New(rand.NewPCG(n, 7))
	solution := make([]byte, size)
	for i := range solution {
		solution[i] = 'a' + byte(rng.IntN(26))
	}
	return fmt.Sprintf(`{"id":"7d9f3c1e-0f4b-4a65-9d5e-%012x","client_id":"c","run_id":"r","problem":"problem %d","solution":"%s","score":0.5,`+
		`"timestamp":"2026-04-07T09:30:00Z","account_snapshot":{"n":%d},"sources_used":["gtm"]}`, n, n, solution, n)
}
