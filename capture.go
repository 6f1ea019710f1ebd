package explog

import (
	"context"
	"errors"
	"io"
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
	// Terminal says that the output was written for a terminal. Escape sequences in a
	// line are then ignored when it is examined.
	Terminal bool
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
	// OnPassed is told of each line that has no record, once the records before it
	// are durable. It is called in the order of the lines, in turn with OnResult. It
	// may be nil.
	OnPassed func(line int64)
	// OnLookalike is told of lines that passed though they have keys problem and
	// score: a record with text before it, for example, or a Python dict. Of an object
	// on several lines it is told once, with the line of its first key. text is the
	// beginning of the line. It may be nil.
	OnLookalike func(line int64, text string)
	// OnFailure is told, from another goroutine, that the store has failed. Capture
	// goes on to the end of r then and hands everything to Pass. Without it, Capture
	// hands on what it has read, and returns.
	OnFailure func(error)
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
// If the store fails, the records that could not be saved go to Pass, as they came,
// and the error is returned. A read of r may still be under way after an error.
func (l *Logger) Capture(ctx context.Context, r io.Reader, o CaptureOptions) (ImportReport, error) {
	pass := &passer{to: o.Pass}
	k := keeper{log: l, opts: o, pass: pass, items: make(chan captured, 1024), failed: make(chan struct{})}
	k.room.L = &k.mu
	ids := newOrdinals()
	defer ids.close()
	def := event.Defaults{
		Client: o.Client, Run: o.Run, EmptyCollections: true, RunIdentifies: true,
		NewID: func(content func() uuid.UUID) uuid.UUID {
			key := content()
			return event.Ordinal(key, ids.next(key))
		},
	}
	s := sorter{limit: l.opts.MaxRecord, terminal: o.Terminal, pass: pass, look: lookout{tell: o.OnLookalike}}
	s.save = func(it item) {
		it.source = o.Source
		k.send(captured{item: it})
	}
	if o.OnPassed != nil {
		s.passed = func(line int64) { k.send(captured{item: item{line: line}, noRecord: true}) }
	}
	s.defaults = func() event.Defaults {
		def.Timestamp = l.opts.Now().UTC().Format(time.RFC3339Nano)
		return def
	}
	var done sync.WaitGroup
	done.Go(func() { k.run(context.WithoutCancel(ctx)) })
	stop := k.failed
	if o.OnFailure != nil {
		stop = nil
	}
	err := s.readAll(ctx, r, stop)
	s.end()
	close(k.items)
	done.Wait()
	if k.err != nil {
		k.handOn()
	}
	return k.report, errors.Join(k.err, err, ids.err)
}

// readAll reads r, and sorts what it reads, until r ends, or the context, or it is
// told to stop. A read that is under way then is not waited for.
func (s *sorter) readAll(ctx context.Context, r io.Reader, stop <-chan struct{}) error {
	ended := make(chan struct{})
	defer close(ended)
	chunks := readChunks(r, ended)
	for {
		var c chunk
		var last bool
		select {
		case c = <-chunks:
		case <-stop:
			last = true
		case <-ctx.Done():
			last = true
		}
		if last { // what was read already counts
			select {
			case c = <-chunks:
			default:
			}
		}
		s.write(c.data)
		switch {
		case errors.Is(c.err, io.EOF):
			return nil
		case c.err != nil:
			return c.err
		case last:
			return ctx.Err()
		}
	}
}

// captured is a line on its way to the log, or only to [CaptureOptions.OnPassed].
type captured struct {
	item
	noRecord bool // it was passed on, and nothing is saved
}

// keeper saves items as they come: one commit for all that wait.
type keeper struct {
	log    *Logger
	opts   CaptureOptions
	items  chan captured
	report ImportReport

	mu    sync.Mutex
	room  sync.Cond // on mu: there is more of it
	bytes int       // of the items that came and are not saved
	dead  bool      // nothing is saved any more

	failed chan struct{} // closed on an error
	err    error
	lost   []captured // of the commit that failed
	pass   *passer
}

// mostWaiting is how many bytes of records may wait to be saved: the program waits
// then.
const mostWaiting = 64 << 20

// take makes room for an item, or waits until there is.
func (k *keeper) take(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.bytes > 0 && k.bytes+n > mostWaiting && !k.dead {
		k.room.Wait()
	}
	k.bytes += n
}

// free says that items are saved, or never will be.
func (k *keeper) free(items []captured, dead bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, it := range items {
		k.bytes -= len(it.raw)
	}
	k.dead = dead
	k.room.Broadcast()
}

// send gives an item to the keeper or, once the store has failed, hands it on.
func (k *keeper) send(it captured) {
	k.take(len(it.raw))
	select {
	case <-k.failed:
	default:
		select {
		case k.items <- it:
			return
		case <-k.failed:
		}
	}
	k.handOn(it)
}

// handOn passes on what could not be saved, in its order, and then more items. The
// keeper has ended.
func (k *keeper) handOn(more ...captured) {
	for len(k.items) > 0 {
		k.lost = append(k.lost, <-k.items)
	}
	for _, it := range append(k.lost, more...) {
		if !it.passed && !it.noRecord {
			k.pass.write(append(it.raw, '\n'))
		}
	}
	k.lost = nil
}

// run commits until the items end or the store fails.
func (k *keeper) run(ctx context.Context) {
	var last time.Time
	for it := range k.items {
		batch := k.gather(it, k.opts.Gather-time.Since(last))
		last = time.Now()
		results, err := appendItems(ctx, k.log.log, itemsOf(batch))
		if err != nil {
			k.err, k.lost = err, batch
			close(k.failed)
			k.free(nil, true)
			if k.opts.OnFailure != nil {
				k.opts.OnFailure(err)
			}
			return
		}
		k.free(batch, false)
		k.tell(batch, results)
	}
}

// itemsOf returns what is to be saved of a batch.
func itemsOf(batch []captured) []item {
	items := make([]item, 0, len(batch))
	for _, c := range batch {
		if !c.noRecord {
			items = append(items, c.item)
		}
	}
	return items
}

// tell says what became of a batch, in the order of its lines.
func (k *keeper) tell(batch []captured, results []Result) {
	for _, c := range batch {
		if c.noRecord {
			k.opts.OnPassed(c.line)
			continue
		}
		res := results[0]
		results = results[1:]
		k.report.count(res.Status)
		if k.opts.OnResult != nil {
			k.opts.OnResult(ImportResult{Result: res, Source: c.source, Line: c.line, Offset: c.offset})
		}
	}
}

// gather collects what goes into one commit: what is there, and what comes within
// a time.
func (k *keeper) gather(first captured, wait time.Duration) []captured {
	batch, bytes := []captured{first}, len(first.raw)
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	for len(batch) < batchRecords && bytes < batchBytes {
		var it captured
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
