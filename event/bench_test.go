package event

import (
	"bytes"
	"testing"

	"github.com/explog/explog/evals/records"
)

// lines returns records as they come in an import, and their bytes.
func lines(n int) (all [][]byte, size int64) {
	g := records.New(1)
	for range n {
		line := bytes.Clone(g.Next())
		all, size = append(all, line), size+int64(len(line))
	}
	return all, size
}

// savedLines returns records that passed the door.
func savedLines(b *testing.B, n int) (all []Saved, size int64) {
	b.Helper()
	raw, size := lines(n)
	for _, line := range raw {
		s, err := admit(line)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, s)
	}
	return all, size
}

// admit takes a line through the door.
func admit(line []byte) (Saved, error) {
	d, err := ParseDraft(line)
	if err != nil {
		return Saved{}, err
	}
	return d.Complete(Defaults{})
}

// BenchmarkParseDraftAndComplete takes 100 records through the door.
func BenchmarkParseDraftAndComplete(b *testing.B) {
	all, size := lines(100)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range all {
			if _, err := admit(line); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkCompare compares 100 records with themselves in another spelling: where
// the bytes differ, values are brought into canonical form.
func BenchmarkCompare(b *testing.B) {
	stored, size := savedLines(b, 100)
	offered := make([]Saved, len(stored))
	for i, s := range stored {
		for fd, value := range s.values {
			if field(fd) != fieldScore {
				s.values[fd] = append([]byte{' '}, value...)
			}
		}
		offered[i] = s
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for i := range stored {
			if d := offered[i].Compare(stored[i]); d.Differs() {
				b.Fatal(d)
			}
		}
	}
}

// BenchmarkReadRow reads the payloads of 100 records as the projector does.
func BenchmarkReadRow(b *testing.B) {
	all, _ := savedLines(b, 100)
	var payloads [][]byte
	var size int64
	for _, s := range all {
		f := s.Fact()
		payloads, size = append(payloads, f.Data), size+int64(len(f.Data))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, data := range payloads {
			if _, _, err := ReadRow(savedVersion, data); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkAppendJSON writes 100 rows as an export does.
func BenchmarkAppendJSON(b *testing.B) {
	all, _ := savedLines(b, 100)
	var rows []Row
	var size int64
	for _, s := range all {
		rows = append(rows, s.Row())
		size += int64(len(s.Row().AppendJSON(nil, false)))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	var line []byte
	for b.Loop() {
		for _, row := range rows {
			line = row.AppendJSON(line[:0], false)
		}
	}
}
