package eventlog

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/explog/explog/evals/records"
)

// newEvents returns events with new UUIDs, each with a record's bytes, and the sum of
// the bytes.
func newEvents(g *records.Generator, n int) (events []Event, size int64) {
	for range n {
		data := bytes.Clone(g.Next())
		events, size = append(events, Event{ID: uuid.New(), Type: 1, Version: 1, Data: data}), size+int64(len(data))
	}
	return events, size
}

// BenchmarkAppend appends new events to a log that grows.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []struct {
		name string
		size int
	}{{"one", 1}, {"4096", 4096}} {
		b.Run(batch.name, func(b *testing.B) {
			l := New(b.TempDir(), Options{})
			events, size := newEvents(records.New(1), batch.size)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for i := range events {
					events[i].ID = uuid.New()
				}
				if _, err := l.Append(context.Background(), Batch{Events: events}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEvents reads a log of 20 000 events, each checked.
func BenchmarkEvents(b *testing.B) {
	const batches, batch = 5, 4000
	l := New(b.TempDir(), Options{})
	g := records.New(1)
	var size int64
	for range batches {
		events, n := newEvents(g, batch)
		size += n
		if _, err := l.Append(context.Background(), Batch{Events: events}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range l.Events(context.Background(), 1) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != batches*batch {
			b.Fatalf("%d events", n)
		}
	}
}
