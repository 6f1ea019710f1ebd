package explog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/event/input"
	"github.com/explog/explog/eventlog"
)

// Status is what became of a record.
type Status uint8

// What can become of a record.
const (
	New         Status = iota // it is in the log now
	Duplicate                 // it was there already
	Conflicting               // its id was taken by other content; it is kept as a reject
	Rejected                  // it is no record; it is kept as a reject
)

func (s Status) String() string {
	return [...]string{"new", "duplicate", "conflicting", "rejected"}[s]
}

// Result tells what became of one record.
type Result struct {
	ID     string // of the record, lower-case; empty where it was rejected
	Status Status
	// Clamped is set where the score was out of range and counts as 0 or 1.
	Clamped *Clamp
	// Faults says what is wrong with a record that was rejected, and in what one
	// in conflict differs.
	Faults []event.Fault
	// Noted names what a duplicate has that the stored record has not, without
	// being content: unknown fields, and fields that a default filled in the log.
	Noted []string
}

// Clamp is a score that was brought into 0 to 1.
type Clamp struct {
	Given string  // as it was written
	Kept  float64 // as it counts: 0 or 1
}

// Save makes a record durable: when it returns without an error, the record is on
// disk. An empty ID gets a random UUID, an empty Timestamp the present time, a
// score out of range is clamped, see [Result].
//
// A record that is there already is a [Duplicate], and nothing is written. The
// errors are an [InvalidError] for a record that is none and [ErrConflict] for one
// whose id is taken by other content; both are kept as rejects.
func (l *Logger) Save(ctx context.Context, r Record) (Result, error) {
	it, err := l.newItem(r)
	if it.raw == nil {
		return Result{Status: Rejected, Faults: it.reject.Faults}, err // JSON cannot carry it: nothing can be kept
	}
	return l.saveOne(ctx, it, err)
}

// newItem takes a record of the Go API. An item without raw input has an error.
func (l *Logger) newItem(r Record) (item, error) {
	d := r.Draft()
	var it item
	var err error
	if it.saved, err = d.Complete(l.saveDefaults()); err != nil {
		it.reject = rejectOf(err)
	}
	if d.Faithful() {
		it.raw = d.JSON()
	}
	return it, l.tooLarge(&it, err)
}

// SaveJSON is Save for a record as JSON, with the fields that the schema does not
// know. What client and run are given fills a missing client_id and run_id.
func (l *Logger) SaveJSON(ctx context.Context, raw []byte, client, run string) (Result, error) {
	def := l.saveDefaults()
	def.Client, def.Run = client, run
	it := item{raw: raw}
	d, err := event.ParseDraft(raw)
	if err == nil {
		it.saved, err = d.Complete(def)
	}
	if err != nil {
		it.reject = rejectOf(err)
	}
	return l.saveOne(ctx, it, l.tooLarge(&it, err))
}

// tooLarge turns an item over the limit into a reject; err is what was wrong with
// it else.
func (l *Logger) tooLarge(it *item, err error) error {
	if len(it.raw) <= l.opts.MaxRecord {
		return err
	}
	sum := sha256.Sum256(it.raw)
	it.reject = &event.Rejected{
		Faults: []event.Fault{input.TooLarge(int64(len(it.raw)), l.opts.MaxRecord)},
		Length: int64(len(it.raw)), SHA256: hex.EncodeToString(sum[:]),
	}
	it.raw = it.raw[:min(len(it.raw), input.KeptOfTooLarge)]
	return &InvalidError{Faults: it.reject.Faults}
}

func (l *Logger) saveOne(ctx context.Context, it item, invalid error) (Result, error) {
	results, err := appendItems(ctx, l.log, []item{it})
	switch {
	case err != nil:
		return Result{}, err
	case invalid != nil:
		return results[0], invalid
	case results[0].Status == Conflicting:
		return results[0], fmt.Errorf("%w: %s", ErrConflict, results[0].ID)
	}
	return results[0], nil
}

// SaveBatch saves records in one transaction: all of them or, on an error, none.
// A record that is invalid is such an error, and nothing is written, not even a
// reject. One in conflict is none: it becomes a reject with the others' commit,
// as its result says.
func (l *Logger) SaveBatch(ctx context.Context, records []Record) ([]Result, error) {
	items := make([]item, len(records))
	for i, r := range records {
		var err error
		if items[i], err = l.newItem(r); err != nil {
			return nil, fmt.Errorf("record %d of %d: %w", i+1, len(records), err)
		}
	}
	return appendItems(ctx, l.log, items)
}

func (l *Logger) saveDefaults() event.Defaults {
	return event.Defaults{
		Timestamp:        l.opts.Now().UTC().Format(time.RFC3339Nano),
		EmptyCollections: true,
		NewID:            func(func() uuid.UUID) uuid.UUID { return uuid.New() },
	}
}

// item is one input on its way into the log: a record, or a reject.
type item struct {
	saved  event.Saved
	reject *event.Rejected // set: the input is no record
	raw    []byte          // the input as it came
	source string
	line   int64
	offset int64
	passed bool // the input was handed on too: see [Logger.Capture]
}

// rejectOf files what the door says of an input.
func rejectOf(err error) *event.Rejected {
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		invalid = &event.InvalidError{Faults: []event.Fault{{Reason: event.ReasonInvalid, Problem: err.Error()}}}
	}
	return &event.Rejected{Faults: invalid.Faults}
}

// fact returns what is logged of an item.
func (it item) fact() (event.Fact, error) {
	if it.reject == nil {
		return it.saved.Fact(), nil
	}
	return it.rejected(*it.reject).Fact()
}

// rejected completes a reject with where the input came from.
func (it item) rejected(r event.Rejected) event.Rejected {
	r.Source, r.Line, r.Offset, r.Raw = it.source, it.line, it.offset, it.raw
	return r
}

// appender is what items go into: the log, or what stands in for it when nothing
// is to be written.
type appender interface {
	Append(ctx context.Context, b eventlog.Batch) ([]eventlog.Result, error)
}

// prepared are items with what is logged of them.
type prepared struct {
	items   []item
	events  []eventlog.Event
	results []Result // what becomes of each if nothing like it is in the log
}

func prepare(items []item) (prepared, error) {
	p := prepared{items: items, events: make([]eventlog.Event, len(items)), results: make([]Result, len(items))}
	for i, it := range items {
		f, err := it.fact()
		if err != nil {
			return p, err
		}
		p.events[i], p.results[i] = toEvent(f), newResult(it)
	}
	return p, nil
}

// append appends the items in one transaction and tells what became of each, and
// committed what was appended; it may be nil.
func (p prepared) append(ctx context.Context, to appender, committed func([]eventlog.Event)) ([]Result, error) {
	fates, err := to.Append(ctx, eventlog.Batch{Events: p.events, Committed: committed, Taken: func(i int, stored eventlog.Event) (*eventlog.Event, error) {
		return taken(p.items[i], stored, &p.results[i])
	}})
	if err != nil {
		return nil, err
	}
	for i, fate := range fates {
		if p.items[i].reject == nil && fate.Fate == eventlog.Dropped {
			p.results[i].Status = Duplicate
		}
	}
	return p.results, nil
}

func appendItems(ctx context.Context, to appender, items []item) ([]Result, error) {
	if len(items) == 0 {
		return nil, nil
	}
	p, err := prepare(items)
	if err != nil {
		return nil, err
	}
	return p.append(ctx, to, nil)
}

// newResult is what an item's result is, if nothing like it is in the log.
func newResult(it item) Result {
	if it.reject != nil {
		return Result{Status: Rejected, Faults: it.reject.Faults}
	}
	r := Result{ID: it.saved.ID().String()}
	if given, clamped := it.saved.ScoreGiven(); clamped {
		r.Clamped = &Clamp{Given: given, Kept: it.saved.Record().Score}
	}
	return r
}

// taken decides on an item whose key the log has: a reject met again is dropped, a
// record is compared with the stored one.
func taken(it item, stored eventlog.Event, result *Result) (*eventlog.Event, error) {
	if it.reject != nil {
		return nil, nil
	}
	var diff event.Difference
	if event.Type(stored.Type) == event.TypeSaved {
		other, err := event.DecodeSaved(stored.Version, stored.Data)
		if err != nil {
			return nil, fmt.Errorf("compare with the stored record %s: %w", stored.ID, err)
		}
		diff = it.saved.Compare(other)
	} else {
		diff.Content = []string{"id"}
	}
	if !diff.Differs() {
		result.Noted = diff.Noted
		return nil, nil
	}
	reject := it.rejected(event.Conflict(it.saved.ID(), diff))
	result.Status, result.Faults = Conflicting, reject.Faults
	f, err := reject.Fact()
	if err != nil {
		return nil, err
	}
	ev := toEvent(f)
	return &ev, nil
}

func toEvent(f event.Fact) eventlog.Event {
	return eventlog.Event{ID: f.ID, Type: uint16(f.Type), Version: f.Version, Data: f.Data}
}
