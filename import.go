package explog

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/event/input"
	"github.com/explog/explog/eventlog"
)

// ImportOptions say how records are imported.
type ImportOptions struct {
	// Source names the input in rejects and, without its folders and endings, in
	// the run id of records that have none.
	Source string
	// Client fills a missing client_id. Records of another client are rejected,
	// or, with OverrideClient, become this one's.
	Client         string
	OverrideClient bool
	// Scale maps scores of another range onto 0 to 1; nil: they are taken as given.
	// The log then has the mapped score, and ids derive from it.
	Scale *Scale
	// Strict fills nothing but the client, and writes nothing at all if any record
	// is bad or in conflict: see [ErrStrict]. The input must be an [io.Seeker]: it is
	// read twice, first as a rehearsal. A conflict with what another process saves
	// between the two is an error too, but one that comes too late.
	Strict bool
	// View says that the view is wanted soon: where there is none, it is built while
	// the records are saved. Without it, or where there is one, it is brought up to
	// the log by the next reader or by [Logger.CatchUp].
	View bool
	// DryRun writes nothing and reports what would become of each record.
	DryRun bool
	// OnResult is told what became of each record that there is something to say
	// about: all but the new ones and the duplicates without a note. It may be nil.
	OnResult func(ImportResult)
	// OnBatch is called when a batch is durable, with the records in it and the
	// report so far. It may be nil.
	OnBatch func(batch int, soFar ImportReport)
}

// ImportResult is what became of one record of an import.
type ImportResult struct {
	Result
	Source string
	Line   int64 // from 1
	Offset int64 // bytes, in the input after decompression
}

// ImportReport counts what became of an import's records.
type ImportReport struct {
	Read        int64 `json:"read"` // the sum of the others
	New         int64 `json:"new"`
	Duplicate   int64 `json:"duplicate"`
	Conflicting int64 `json:"conflicting"`
	Rejected    int64 `json:"rejected"`
}

func (r *ImportReport) count(s Status) {
	r.Read++
	switch s {
	case New:
		r.New++
	case Duplicate:
		r.Duplicate++
	case Conflicting:
		r.Conflicting++
	case Rejected:
		r.Rejected++
	}
}

// Add adds the counts of another report.
func (r *ImportReport) Add(other ImportReport) {
	r.Read += other.Read
	r.New += other.New
	r.Duplicate += other.Duplicate
	r.Conflicting += other.Conflicting
	r.Rejected += other.Rejected
}

// Clean reports whether nothing was rejected and nothing in conflict.
func (r ImportReport) Clean() bool { return r.Conflicting == 0 && r.Rejected == 0 }

// ErrEmptyInput means that there is nothing in the input, not even an empty array.
var ErrEmptyInput = input.ErrEmpty

// UnsupportedError means that the input is in a format that Import does not read.
// Nothing was written.
type UnsupportedError = input.UnsupportedError

// Scale maps scores of another range onto 0 to 1.
type Scale = event.Scale

// ParseScale reads a range written as A..B, such as 0..100: A becomes 0 and B
// becomes 1. With A above B, the lower scores are the better ones.
func ParseScale(text string) (*Scale, error) { return event.ParseScale(text) }

// ErrStrict means that a strict import met a record that is bad or in conflict,
// and wrote nothing.
var ErrStrict = errors.New("explog: nothing was imported, because not all records are good")

// Import saves the records of a JSON array, of JSONL or of one JSON object, plain
// or packed with gzip or zstd. Records without an id get one that derives from
// their content, so that importing the same again adds nothing; the other fields
// that may be missing get defaults. What is no record is kept as a reject and
// does not stop the others.
//
// Records are durable batch by batch. After an error, the report counts those
// that are. Where r cannot seek, as a pipe cannot, what came is saved when nothing
// more comes for 50 ms, and a read of r may still be under way after an error.
//
// An input of another format is an [UnsupportedError], and nothing is written.
func (l *Logger) Import(ctx context.Context, r io.Reader, o ImportOptions) (ImportReport, error) {
	if !o.Strict && !o.DryRun {
		return l.importInto(ctx, l.log, r, o)
	}
	shadow, err := l.newShadow()
	if err != nil {
		return ImportReport{}, err
	}
	defer shadow.remove() //nolint:errcheck // the next dry run removes what is left
	rehearsal := o
	if !o.DryRun {
		rehearsal.OnBatch = nil
	}
	report, err := l.importInto(ctx, shadow, r, rehearsal)
	if err != nil || o.DryRun && !o.Strict {
		return report, err
	}
	if !report.Clean() {
		return report, ErrStrict
	}
	if o.DryRun {
		return report, nil
	}
	if err := rewind(r); err != nil {
		return ImportReport{}, err
	}
	o.OnResult = nil // all was said in the rehearsal
	report, err = l.importInto(ctx, l.log, r, o)
	if err == nil && !report.Clean() {
		err = errors.New("explog: another process saved records with the same ids meanwhile; the conflicts are kept as rejects")
	}
	return report, err
}

func rewind(r io.Reader) error {
	s, ok := r.(io.Seeker)
	if !ok {
		return errors.New("explog: a strict import reads its input twice and needs one that can seek")
	}
	_, err := s.Seek(0, io.SeekStart)
	return err
}

// The size of a batch, in records and in bytes of input.
const (
	batchRecords = 4096
	batchBytes   = 2 << 20
)

// importInto runs the import against the log or its shadow: while one batch is
// appended, the next one is parsed.
func (l *Logger) importInto(ctx context.Context, to appender, r io.Reader, o ImportOptions) (ImportReport, error) {
	im := importer{to: to, opts: o, batches: make(chan batch, 1), stop: make(chan struct{})}
	if o.View && to == l.log {
		im.follower = l.follow(ctx)
		defer im.follower.end()
	}
	var parsing sync.WaitGroup
	parsing.Go(func() {
		defer close(im.batches)
		l.parseAll(ctx, r, &im)
	})
	defer parsing.Wait()
	defer close(im.stop)
	for b := range im.batches {
		if b.err != nil { // what came before is sound and is kept
			return im.report, errors.Join(b.err, im.save(context.WithoutCancel(ctx), b))
		}
		if err := im.save(ctx, b); err != nil {
			return im.report, err
		}
	}
	return im.report, nil
}

// parseAll makes batches of the input, until it ends or the import does.
func (l *Logger) parseAll(ctx context.Context, r io.Reader, im *importer) {
	p := parser{opts: im.opts, defaults: l.importDefaults(im.opts)}
	ids := newOrdinals()
	defer ids.close()
	if !im.opts.Strict {
		p.defaults.NewID = func(content func() uuid.UUID) uuid.UUID {
			key := content()
			return event.Ordinal(key, ids.next(key))
		}
	}
	if !canSeek(r) {
		pipe := newPipe(ctx, r, im.stop, func() {
			if len(p.items) > 0 {
				im.give(p.take(nil)) // where the importer has ended, so does the pipe
			}
		})
		defer pipe.close()
		r = pipe
	}
	for v, err := range input.Values(r, l.opts.MaxRecord) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			p.add(v)
			err = ids.err
		}
		if (err != nil || p.full()) && !im.give(p.take(err)) || err != nil {
			return
		}
	}
	im.give(p.take(nil))
}

func (l *Logger) importDefaults(o ImportOptions) event.Defaults {
	def := event.Defaults{Client: o.Client, Override: o.OverrideClient, Scale: o.Scale}
	if o.Strict {
		return def
	}
	def.Run = "import-" + baseName(o.Source)
	def.Timestamp = l.opts.Now().UTC().Format(time.RFC3339Nano)
	def.EmptyCollections = true
	return def
}

// baseName returns the name of a source without its folders: experiments.json,
// or stdin.
func baseName(source string) string {
	if source == "" || source == "-" {
		return "stdin"
	}
	return filepath.Base(source)
}

// batch is what is appended in one transaction.
type batch struct {
	prepared
	err error // what ended the input behind these items
}

// parser gathers items into batches.
type parser struct {
	opts     ImportOptions
	defaults event.Defaults
	items    []item
	bytes    int
	raw      []byte // room for the bytes of values
}

// add takes one value of the input.
func (p *parser) add(v input.Value) {
	it := item{raw: p.keep(v.Raw), source: p.opts.Source, line: v.Line, offset: v.Offset}
	if v.Fault != nil {
		it.reject = &event.Rejected{Faults: []event.Fault{*v.Fault}, Length: v.Length, SHA256: v.SHA256}
	} else {
		p.parse(&it)
	}
	p.items = append(p.items, it)
	p.bytes += len(it.raw)
}

// keep copies the bytes of a value, which are the input's only until the next.
func (p *parser) keep(raw []byte) []byte {
	if cap(p.raw)-len(p.raw) < len(raw) {
		p.raw = make([]byte, 0, max(batchBytes/4, len(raw)))
	}
	n := len(p.raw)
	p.raw = append(p.raw, raw...)
	return p.raw[n:len(p.raw):len(p.raw)]
}

// parse makes the item a record or a reject.
func (p *parser) parse(it *item) {
	d, err := event.ParseDraft(it.raw)
	if err == nil {
		it.saved, err = d.Complete(p.defaults)
	}
	if err != nil {
		it.reject = rejectOf(err)
	}
}

func (p *parser) full() bool { return len(p.items) >= batchRecords || p.bytes >= batchBytes }

// take hands over what was gathered.
func (p *parser) take(ended error) batch {
	ready, err := prepare(p.items)
	p.items, p.bytes = nil, 0
	if err != nil {
		return batch{err: err}
	}
	return batch{ready, ended}
}

// importer appends batches and reports them.
type importer struct {
	to      appender
	opts    ImportOptions
	batches chan batch
	stop    chan struct{} // closed when no more are wanted
	report  ImportReport

	follower *follower // nil: the view is not built meanwhile
}

// follower builds the view of a log that grows.
type follower struct {
	appended chan []eventlog.Event
	ended    chan struct{}
}

func (l *Logger) follow(ctx context.Context) *follower {
	f := &follower{appended: make(chan []eventlog.Event, 1), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		_ = l.view.Follow(ctx, f.appended) // the log has everything: whoever reads makes the view
	}()
	return f
}

func (f *follower) add(events []eventlog.Event) {
	select {
	case f.appended <- events:
	case <-f.ended:
	}
}

// end waits until the view is in place.
func (f *follower) end() {
	close(f.appended)
	<-f.ended
}

// give hands a batch from the parser to the importer; it returns false where that
// has ended.
func (im *importer) give(b batch) bool {
	select {
	case im.batches <- b:
		return true
	case <-im.stop:
		return false
	}
}

// save appends the batch and reports it.
func (im *importer) save(ctx context.Context, b batch) error {
	if len(b.items) == 0 {
		return nil
	}
	var appended []eventlog.Event
	results, err := b.append(ctx, im.to, func(events []eventlog.Event) { appended = events })
	if err != nil {
		return err
	}
	if im.follower != nil && appended != nil {
		im.follower.add(appended)
	}
	for i, res := range results {
		im.report.count(res.Status)
		quiet := res.Clamped == nil && res.Noted == nil && (res.Status == New || res.Status == Duplicate)
		if im.opts.OnResult != nil && !quiet {
			it := b.items[i]
			im.opts.OnResult(ImportResult{Result: res, Source: it.source, Line: it.line, Offset: it.offset})
		}
	}
	if im.opts.OnBatch != nil {
		im.opts.OnBatch(len(b.items), im.report)
	}
	return nil
}
