package query

import (
	"bytes"
	"io"
	"testing"

	"github.com/explog/explog/evals/records"
)

// BenchmarkExport exports 5000 records.
func BenchmarkExport(b *testing.B) {
	const made = 5000
	g := records.New(1)
	lines := make([]string, made)
	for i := range lines {
		lines[i] = string(g.Next())
	}
	r := reader(b, lines...)
	var all bytes.Buffer
	if n, err := r.Export(ctx, &all, Filter{}, false); err != nil || n != made {
		b.Fatal(n, err)
	}
	b.SetBytes(int64(all.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Export(ctx, io.Discard, Filter{}, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCount counts the records of one client.
func BenchmarkCount(b *testing.B) {
	g := records.New(1)
	lines := make([]string, 5000)
	for i := range lines {
		lines[i] = string(g.Next())
	}
	r := reader(b, lines...)
	f := Filter{Client: records.Client(3)}
	b.ReportAllocs()
	for b.Loop() {
		if n, err := r.Count(ctx, f); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}
