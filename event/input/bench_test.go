package input

import (
	"bytes"
	"testing"

	"github.com/explog/explog/evals/records"
)

// BenchmarkValues splits 1000 records, as JSONL and as an array.
func BenchmarkValues(b *testing.B) {
	const made = 1000
	var lines bytes.Buffer
	if _, err := records.Write(&lines, 1, made); err != nil {
		b.Fatal(err)
	}
	array := append([]byte{'['}, bytes.ReplaceAll(bytes.TrimSpace(lines.Bytes()), []byte("}\n{"), []byte("},\n{"))...)
	for _, form := range []struct {
		name string
		in   []byte
	}{{"JSONL", lines.Bytes()}, {"array", append(array, ']')}} {
		b.Run(form.name, func(b *testing.B) {
			b.SetBytes(int64(len(form.in)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for v, err := range Values(bytes.NewReader(form.in), 0) {
					if err != nil || v.Fault != nil {
						b.Fatal(err, v.Fault)
					}
					n++
				}
				if n != made {
					b.Fatalf("%d values", n)
				}
			}
		})
	}
}
