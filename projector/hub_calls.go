package projector

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

// The folds of calls and results emit changes of results: see [results].
var (
	defined = &Statement{Change: func(r *results, args []any) error {
		return r.touch(args[0].(string))
	}}
	callStarted = &Statement{Change: func(r *results, args []any) error {
		c := args[0].(event.CallStarted)
		return r.change(c.Experiment, c.Narrative, c.Repeat, func(res *result) { res.start(r.call(res, c.Call, c.Attempt), c) })
	}}
	callFinished = &Statement{Change: func(r *results, args []any) error {
		c, seq := args[0].(*event.CallFinished), args[1].(uint64)
		return r.change(c.Experiment, c.Narrative, c.Repeat, func(res *result) { res.finish(r.call(res, c.Call, c.Attempt), c, seq) })
	}}
	resultParsed = &Statement{Change: func(r *results, args []any) error {
		p := args[0].(*parsedResult)
		return r.change(p.Experiment, p.Narrative, p.Repeat, func(res *result) { res.parse(p) })
	}}
	callWithdrawn = &Statement{Change: func(r *results, args []any) error {
		c := args[0].(event.CallWithdrawn)
		return r.change(c.Experiment, c.Narrative, c.Repeat, func(res *result) { res.withdraw(answerKey{c.Call, c.Attempt}) })
	}}
	relabelled = &Statement{Change: func(r *results, args []any) error {
		e, seq := args[0].(event.Relabelled), args[1].(uint64)
		return r.changeLabel(e.Label, e.Narrative, e.Text, func(res *result) { res.relabel(e.Flag, seq) })
	}}
)

func foldCallStarted(c event.CallStarted, _ eventlog.Event, emit Emit) error {
	emit(callStarted, c)
	return nil
}

// finishedCall is a call's end without the answer as it came, which the view does not have.
type finishedCall struct {
	event.CallFinished
	Raw skipped `json:"raw"`
}

// skipped is what need not be decoded.
type skipped struct{}

// UnmarshalJSONFrom goes past a value.
func (*skipped) UnmarshalJSONFrom(d *jsontext.Decoder) error { return d.SkipValue() }

func foldCallFinished(c finishedCall, ev eventlog.Event, emit Emit) error {
	emit(callFinished, &c.CallFinished, ev.Seq)
	return nil
}

func foldWithdrawn(c event.CallWithdrawn, _ eventlog.Event, emit Emit) error {
	emit(callWithdrawn, c)
	return nil
}

// parsedResult is a result with its lists as the view has them.
type parsedResult struct {
	event.ResultParsed
	indicators, steps any
}

func foldResult(r event.ResultParsed, _ eventlog.Event, emit Emit) error {
	if _, ok := outcomeColumns[r.Outcome]; !ok {
		return fmt.Errorf("%w: result outcome %q", event.ErrPayload, r.Outcome)
	}
	if (r.Outcome == event.ResultOK) != (r.Flag != nil) {
		return fmt.Errorf("%w: a result with outcome %s, and a flag: %v", event.ErrPayload, r.Outcome, r.Flag != nil)
	}
	indicators, err := texts(r.Indicators)
	if err != nil {
		return err
	}
	steps, err := texts(r.Reasoning)
	if err != nil {
		return err
	}
	emit(resultParsed, &parsedResult{r, indicators, steps})
	return nil
}

// result is a row of results in memory, with the calls of it. Of the groups of columns
// that only ever change together it has those that did change: those of a row that was
// read may be large, and nothing depends on them.
type result struct {
	id, experiment int64
	manual, flag   *bool
	outcome        event.ResultOutcome
	problem        any
	answer         answerKey // whose answer the reply is; zero: there is no reply
	seq            any
	calls          []*call

	changed bool
	before  tally // what the row adds to its experiment in the database
	last    *lastAttempt
	reply   *replyColumns
	parsed  *parsedColumns
}

// answerKey names the attempt that brought an answer.
type answerKey struct {
	call    uuid.UUID
	attempt int
}

// lastAttempt has the columns of the last attempt that finished.
type lastAttempt struct{ inputTokens, outputTokens, latency any }

// replyColumns has the columns that an answer brings.
type replyColumns struct {
	text, reasoning, finish, call, attempt any
}

// parsedColumns has the columns that parsing fills.
type parsedColumns struct{ confidence, indicators, rationale, steps, step, parser any }

// call is a row of calls in memory.
type call struct {
	id                        int64
	isNew                     bool
	key                       uuid.UUID
	attempt                   int
	started, finished, finish bool // the column is not NULL
	inputTokens, outputTokens *int64
	latency                   int64 // ns

	changedStart any // started, if it changed
	changedEnd   *event.CallFinished
}

func (res *result) start(c *call, e event.CallStarted) {
	c.started, c.changedStart = true, stamped(e.Started)
}

// finish takes an attempt's end. An answer has yet to be parsed, and takes the place of
// what was there; an error takes no answer's place.
func (res *result) finish(c *call, e *event.CallFinished, seq uint64) {
	c.finished, c.finish = true, e.Finish != ""
	c.inputTokens, c.outputTokens, c.latency = e.InputTokens, e.OutputTokens, int64(e.Latency)
	c.changedEnd = e
	res.last = &lastAttempt{optional(e.InputTokens), optional(e.OutputTokens), float64(e.Latency) / float64(time.Millisecond)}
	switch {
	case e.Finish != "":
		res.answer, res.seq = answerKey{e.Call, e.Attempt}, seq
		res.reply = &replyColumns{e.Text, nullable(e.Reasoning), e.Finish, e.Call.String(), e.Attempt}
		res.outcome, res.problem, res.flag, res.parsed = event.ResultNotRun, nil, nil, &parsedColumns{}
	case e.Last && res.answer == answerKey{}:
		res.outcome, res.problem = event.ResultError, nullable(e.Error)
	}
}

// withdraw makes a result as if it had no answer, but for its attempts. An answer that has
// taken the place of the withdrawn one stays.
func (res *result) withdraw(answer answerKey) {
	if res.answer != answer {
		return
	}
	res.answer, res.seq, res.reply = answerKey{}, nil, &replyColumns{}
	res.outcome, res.problem, res.flag, res.parsed = event.ResultNotRun, nil, nil, &parsedColumns{}
}

func (res *result) parse(p *parsedResult) {
	res.outcome, res.problem, res.flag = p.Outcome, nullable(p.Problem), p.Flag
	res.parsed = &parsedColumns{optional(p.Confidence), p.indicators, nullable(p.Rationale), p.steps, nullable(p.Step), p.Parser}
}

// relabel sets the manual flag. If it changes beside a reply, the event that changed it
// becomes the result's.
func (res *result) relabel(flag *bool, seq uint64) {
	if res.seq != nil && !sameFlag(res.manual, flag) {
		res.seq = seq
	}
	res.manual = flag
}

func sameFlag(a, b *bool) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// attempts counts the calls of a result, and those of them that have no end.
func (res *result) attempts() (all, open int) {
	for _, c := range res.calls {
		if !c.finished {
			open++
		}
	}
	return len(res.calls), open
}

// falsely returns is_false_positive and is_false_negative: NULL without either flag.
func (res *result) falsely() (positive, negative any) {
	if res.flag == nil || res.manual == nil {
		return nil, nil
	}
	return *res.flag && !*res.manual, !*res.flag && *res.manual
}

// call returns a call of a result, a new one if there is none.
func (r *results) call(res *result, key uuid.UUID, attempt int) *call {
	for _, c := range res.calls {
		if c.attempt == attempt && c.key == key {
			return c
		}
	}
	r.lastCall++
	c := &call{id: r.lastCall, isNew: true, key: key, attempt: attempt}
	res.calls = append(res.calls, c)
	return c
}
