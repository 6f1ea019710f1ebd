package explog

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
)

// CaptureOptions say what is captured from a program's output, and how.
type CaptureOptions struct {
	// Source names the output in rejects.
	Source string
	// Client and Run fill what the records leave out. Records of another client are
	// rejected.
	Client, Run string
	// Pass gets all that is no record, byte for byte, as it comes. Nil: it is
	// dropped. What it returns as an error ends the passing, not the capture.
	Pass io.Writer
	// Gather is how long a commit may wait after the one before, so that a fast
	// program does not cost a commit a line; 0: records wait only for the commit
	// that is under way.
	Gather time.Duration
	// OnResult is told what became of each record, once it is durable. It may be
	// nil.
	OnResult func(ImportResult)
}

// Capture keeps the records that a program prints. It reads lines until the end of
// r or of ctx. A line that is a JSON object with problem and score is a record, and
// is saved at once; all else goes to Pass.
//
// What means to be a record and is none is kept as a reject: without a solution,
// for example. Where such a line is not even JSON, because it was cut or has NaN
// for a score, it goes to Pass as well.
//
// Records without an id get one that derives from their content and run, so that a
// program that is run again, and prints the same again, adds nothing.
//
// After an error of the store, Pass gets the records that could not be saved, and
// Capture returns though r has not ended: a read of r may still be under way.
func (l *Logger) Capture(ctx context.Context, r io.Reader, o CaptureOptions) (ImportReport, error) {
	k := keeper{log: l, opts: o, items: make(chan item, 1024), failed: make(chan struct{})}
	ids := newOrdinals()
	defer ids.close()
	def := event.Defaults{
		Client: o.Client, Run: o.Run, EmptyCollections: true, RunIdentifies: true,
		NewID: func(content uuid.UUID) uuid.UUID { return event.Ordinal(content, ids.next(content)) },
	}
	s := sorter{limit: l.opts.MaxRecord, pass: &passer{to: o.Pass}, keep: func(it item) error {
		it.source = o.Source
		return k.send(it)
	}}
	s.defaults = func() event.Defaults {
		def.Timestamp = l.opts.Now().UTC().Format(time.RFC3339Nano)
		return def
	}
	var done sync.WaitGroup
	done.Go(func() { k.run(context.WithoutCancel(ctx)) })
	err := sortAll(ctx, r, &s, k.failed)
	close(k.items)
	done.Wait()
	for it := range k.unsaved() {
		if !it.passed {
			s.pass.write(append(it.raw, '\n'))
		}
	}
	if errors.Is(err, errUnsaved) {
		err = nil // k.err says why
	}
	return k.report, errors.Join(k.err, err, ids.err)
}

// errUnsaved: the store failed; the keeper has the error.
var errUnsaved = errors.New("records cannot be saved")

// sortAll reads r, and sorts what it reads until it ends, the context does, or the
// store fails. A read that is under way then is not waited for.
func sortAll(ctx context.Context, r io.Reader, s *sorter, failed <-chan struct{}) error {
	type chunk struct {
		data []byte
		err  error
	}
	chunks, stop := make(chan chunk), make(chan struct{})
	defer close(stop)
	go func() {
		for {
			buf := make([]byte, 64<<10)
			n, err := r.Read(buf)
			select {
			case chunks <- chunk{buf[:n], err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		select {
		case <-failed:
			return errUnsaved
		case <-ctx.Done():
			return errors.Join(s.end(), ctx.Err())
		case c := <-chunks:
			if err := s.write(c.data); err != nil {
				return err
			}
			if errors.Is(c.err, io.EOF) {
				return s.end()
			}
			if c.err != nil {
				return errors.Join(s.end(), c.err)
			}
		}
	}
}

// keeper saves items as they come: one commit for all that wait.
type keeper struct {
	log    *Logger
	opts   CaptureOptions
	items  chan item
	report ImportReport

	failed chan struct{} // closed on an error
	err    error
	lost   []item // of the commit that failed
	late   []item // that came after it
}

func (k *keeper) send(it item) error {
	select {
	case k.items <- it:
		return nil
	case <-k.failed:
		k.late = append(k.late, it)
		return errUnsaved
	}
}

// run commits until the items end or the store fails.
func (k *keeper) run(ctx context.Context) {
	var last time.Time
	for it := range k.items {
		batch := k.gather(it, k.opts.Gather-time.Since(last))
		last = time.Now()
		results, err := appendItems(ctx, k.log.log, batch)
		if err != nil {
			k.err, k.lost = err, batch
			close(k.failed)
			return
		}
		for i, res := range results {
			k.report.count(res.Status)
			if k.opts.OnResult != nil {
				k.opts.OnResult(ImportResult{Result: res, Source: batch[i].source, Line: batch[i].line, Offset: batch[i].offset})
			}
		}
	}
}

// gather collects what goes into one commit: what is there, and what comes within
// a time.
func (k *keeper) gather(first item, wait time.Duration) []item {
	batch, bytes := []item{first}, len(first.raw)
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	for len(batch) < batchRecords && bytes < batchBytes {
		var it item
		var ok bool
		select {
		case it, ok = <-k.items:
		default:
			select {
			case it, ok = <-k.items:
			case <-timer.C:
				return batch
			}
		}
		if !ok {
			return batch
		}
		batch, bytes = append(batch, it), bytes+len(it.raw)
	}
	return batch
}

// unsaved yields what came and was not saved, in its order, once the keeper has
// ended and its items are closed.
func (k *keeper) unsaved() iter.Seq[item] {
	return func(yield func(item) bool) {
		for _, it := range k.lost {
			if !yield(it) {
				return
			}
		}
		for it := range k.items {
			if !yield(it) {
				return
			}
		}
		for _, it := range k.late {
			if !yield(it) {
				return
			}
		}
	}
}
