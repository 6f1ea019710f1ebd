package records_test

import (
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/explog/explog/evals/records"
	"github.com/explog/explog/event"
)

func TestTheSameSeedGivesTheSameRecords(t *testing.T) {
	var lines [3][]string
	for i, seed := range []uint64{1, 1, 2} {
		g := records.New(seed)
		for range 500 {
			lines[i] = append(lines[i], string(g.Next()))
		}
	}
	if !slices.Equal(lines[0], lines[1]) {
		t.Error("two generators of one seed differ")
	}
	if slices.Equal(lines[0], lines[2]) {
		t.Error("generators of different seeds do not differ")
	}
}

func TestGeneratedRecordsAreComplete(t *testing.T) {
	g := records.New(1)
	ids, size := make(map[string]bool), 0
	const made = 5000
	for n := range made {
		line := g.Next()
		size += len(line)
		d, err := event.ParseDraft(line)
		if err != nil {
			t.Fatalf("record %d: %v\n%s", n, err, line)
		}
		saved, err := d.Complete(event.Defaults{}) // fills nothing
		if err != nil {
			t.Fatalf("record %d: %v\n%s", n, err, line)
		}
		ids[saved.ID().String()] = true
	}
	if len(ids) != made {
		t.Errorf("%d ids of %d records", len(ids), made)
	}
	if mean := size / made; mean < 1100 || mean > 1300 {
		t.Errorf("a record has %d bytes, want about 1200", mean)
	}
}

// TestRecordsCompressAsRealOnesDo: the samples in data come to 0.23 of their size in
// one block, answers to maths questions to 0.18.
func TestRecordsCompressAsRealOnesDo(t *testing.T) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	g := records.New(1)
	plain, packed := 0, 0
	for range 20 {
		var block []byte
		for range 256 {
			block = append(block, g.Next()...)
		}
		plain += len(block)
		packed += len(encoder.EncodeAll(block, nil))
	}
	if got := float64(packed) / float64(plain); got < 0.2 || got > 0.3 {
		t.Errorf("blocks come to %.2f of their size, want about a quarter", got)
	} else {
		t.Logf("blocks come to %.3f of their size", got)
	}
}
