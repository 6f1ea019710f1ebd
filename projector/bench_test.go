package projector

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/evals/records"
	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

// appendRecords appends records to a log and returns the bytes of their payloads.
func appendRecords(b *testing.B, log *eventlog.Log, g *records.Generator, n int) (size int64) {
	b.Helper()
	var batch eventlog.Batch
	for range n {
		d, err := event.ParseDraft(g.Next())
		if err != nil {
			b.Fatal(err)
		}
		saved, err := d.Complete(event.Defaults{NewID: func(content func() uuid.UUID) uuid.UUID { return content() }})
		if err != nil {
			b.Fatal(err)
		}
		ev := toEvent(saved.Fact())
		batch.Events, size = append(batch.Events, ev), size+int64(len(ev.Data))
	}
	if _, err := log.Append(ctx, batch); err != nil {
		b.Fatal(err)
	}
	return size
}

// BenchmarkRebuild builds the view of 20 000 records: a first one, and one in the
// place of another.
func BenchmarkRebuild(b *testing.B) {
	dir := b.TempDir()
	log := eventlog.New(dir, eventlog.Options{})
	g := records.New(1)
	var size int64
	for range 5 {
		size += appendRecords(b, log, g, 4000)
	}
	p := New(log, Experiments(), dir, time.Second)
	for _, missing := range []bool{true, false} {
		b.Run(map[bool]string{true: "missing", false: "there"}[missing], func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if missing {
					b.StopTimer()
					if err := removeView(p.Path()); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				if _, err := p.Rebuild(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCatchUp brings a view up to a log that is ahead by 1000 records.
func BenchmarkCatchUp(b *testing.B) {
	dir := b.TempDir()
	log := eventlog.New(dir, eventlog.Options{})
	p := New(log, Experiments(), dir, time.Second)
	g := records.New(1)
	appendRecords(b, log, g, 5000)
	if _, err := p.CatchUp(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		b.SetBytes(appendRecords(b, log, g, 1000))
		b.StartTimer()
		if _, err := p.CatchUp(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
