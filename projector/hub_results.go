package projector

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
)

// results keeps the results that a transaction works on in memory. Events change them
// there, each row that changed is written once, and experiments get the sums of what
// changed at the end. Since rows that were never asked about are most often followed by
// more of them, they are read some hundreds at a time.
type results struct {
	a           *applier
	ctx         context.Context     // never cancelled: see execShort
	experiments map[uuid.UUID]int64 // ids
	at          map[asked]*result
	rows        []*result // all of at, in the order in which they were read
	size        int       // bytes of replies that wait to be written
	lastCall    int64     // id of the last row of calls; -1: not read yet
	ahead       map[int64]readAhead
	touched     []int64 // experiments, in the order in which they were touched
	sums        map[int64]*tally
	update      [len(updateResult)]*sql.Stmt
	args        []any // of the statement at hand
}

// asked names a result: one question about a narrative.
type asked struct {
	experiment uuid.UUID
	narrative  string
	repeat     int
}

// readAhead says how results of an experiment were read last: so many, from this id on.
type readAhead struct {
	first int64
	rows  int
}

// next returns how many results to read from an id on: twice as many as the last time, if
// this goes on where that ended.
func (a readAhead) next(id int64) readAhead {
	if id < a.first-sequentialWithin || id > a.first+int64(a.rows)+sequentialWithin {
		return readAhead{id, 1}
	}
	return readAhead{id, min(max(2*a.rows, 1), mostAhead)}
}

// What is kept in memory, in results and in bytes of replies.
const (
	mostResults      = 4096
	mostReplyBytes   = 8 << 20
	mostAhead        = 256
	sequentialWithin = 16 // calls that are under way at the same time end in any order
)

func newResults(a *applier) *results {
	return &results{
		a: a, ctx: context.WithoutCancel(a.ctx), experiments: make(map[uuid.UUID]int64), at: make(map[asked]*result), lastCall: -1,
		ahead: make(map[int64]readAhead), sums: make(map[int64]*tally),
	}
}

// touch makes sure that an experiment is measured at the end.
func (r *results) touch(experiment string) error {
	key, err := uuid.Parse(experiment)
	if err != nil {
		return err
	}
	id, err := r.experiment(key)
	if err == nil && id != 0 {
		r.sum(id)
	}
	return err
}

// experiment returns the id of an experiment; 0: there is none.
func (r *results) experiment(key uuid.UUID) (int64, error) {
	if id, ok := r.experiments[key]; ok {
		return id, nil
	}
	id, err := r.a.number("SELECT id FROM experiments WHERE uuid = ?", key.String())
	if err == nil && id != 0 {
		r.experiments[key] = id
	}
	return id, err
}

// change changes a result. One that is not there stays so.
func (r *results) change(experiment uuid.UUID, narrative string, repeat int, fn func(*result)) error {
	key := asked{experiment, narrative, repeat}
	if r.at[key] == nil {
		if err := r.read(key); err != nil {
			return err
		}
	}
	res := r.at[key]
	if res == nil {
		return nil
	}
	fn(res)
	res.changed = true
	if res.reply != nil {
		text, _ := res.reply.text.(string)
		r.size += len(text)
	}
	if len(r.rows) >= mostResults || r.size >= mostReplyBytes {
		return r.flush()
	}
	return nil
}

// changeLabel changes the results of a narrative with this id and text under a label.
func (r *results) changeLabel(label, narrative string, text uuid.UUID, fn func(*result)) error {
	rows, err := r.a.query(`SELECT e.uuid, repeat FROM results AS r JOIN experiments AS e ON e.id = experiment_id
WHERE narrative_id = ?1 AND text_key = ?2 AND experiment_id IN (SELECT id FROM experiments WHERE label = ?3) ORDER BY r.id`,
		narrative, text.String(), label)
	if err != nil {
		return err
	}
	defer rows.Close()
	var list []asked
	for rows.Next() {
		key := asked{narrative: narrative}
		if err := rows.Scan(&key.experiment, &key.repeat); err != nil {
			return fmt.Errorf("read the view: %w", err)
		}
		list = append(list, key)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read the view: %w", err)
	}
	for _, key := range list {
		if err := r.change(key.experiment, key.narrative, key.repeat, fn); err != nil {
			return err
		}
	}
	return nil
}

// read reads a result, if it is there, and some that follow it.
func (r *results) read(key asked) error {
	experiment, err := r.experiment(key.experiment)
	if err != nil || experiment == 0 {
		return err
	}
	id, err := r.a.number("SELECT id FROM results WHERE experiment_id = ? AND narrative_id = ? AND repeat = ?", experiment, key.narrative, key.repeat)
	if err != nil || id == 0 {
		return err
	}
	if r.lastCall < 0 {
		if r.lastCall, err = r.a.number("SELECT max(id) FROM calls"); err != nil {
			return err
		}
	}
	ahead := r.ahead[experiment].next(id)
	r.ahead[experiment] = ahead
	added, called, err := r.readRows(key.experiment, experiment, ahead)
	if err == nil && called {
		err = r.readCalls(added)
	}
	if err != nil {
		return err
	}
	for _, res := range added {
		res.before = res.tally()
	}
	return nil
}

// readRows reads results of an experiment that are not in memory, and says whether they
// have calls. Of those that were never asked about, which are most, it reads little.
func (r *results) readRows(key uuid.UUID, experiment int64, ahead readAhead) (added []*result, called bool, err error) {
	rows, err := r.a.query(`SELECT id, narrative_id, repeat, manual_flag, attempts > 0 OR outcome <> 'not_run' OR problem IS NOT NULL
FROM results WHERE id >= ? AND +experiment_id = ? ORDER BY id LIMIT ?`, ahead.first, experiment, ahead.rows)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	var used []*result
	for rows.Next() {
		at, res, hasState := asked{experiment: key}, &result{experiment: experiment, outcome: event.ResultNotRun}, false
		if err := rows.Scan(&res.id, &at.narrative, &at.repeat, &res.manual, &hasState); err != nil {
			return nil, false, fmt.Errorf("read the view: %w", err)
		}
		if r.at[at] != nil {
			continue
		}
		r.at[at] = res
		r.rows, added = append(r.rows, res), append(added, res)
		if hasState {
			used = append(used, res)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, false, fmt.Errorf("read the view: %w", err)
	}
	for _, res := range used {
		if err := r.readState(res); err != nil {
			return nil, false, err
		}
	}
	return added, len(used) > 0, nil
}

// readState reads what a result has that was asked about.
func (r *results) readState(res *result) error {
	stmt, err := r.a.prepare("SELECT outcome, problem, flag, call, attempt, seq FROM results WHERE id = ?") //nolint:sqlclosecheck // it is kept until the transaction ends
	if err != nil {
		return err
	}
	var call uuid.NullUUID
	var attempt sql.NullInt64
	if err := stmt.QueryRowContext(r.a.ctx, res.id).Scan(&res.outcome, &res.problem, &res.flag, &call, &attempt, &res.seq); err != nil {
		return fmt.Errorf("read the view: %w", err)
	}
	res.answer = answerKey{call.UUID, int(attempt.Int64)}
	return nil
}

// readCalls reads the calls of results that are in the order of their ids.
func (r *results) readCalls(list []*result) error {
	rows, err := r.a.query(`SELECT id, result_id, call, attempt, started IS NOT NULL, finished IS NOT NULL, finish IS NOT NULL, input_tokens, output_tokens,
coalesce(latency_ns, 0) FROM calls WHERE result_id BETWEEN ? AND ? ORDER BY id`, list[0].id, list[len(list)-1].id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var of int64
		c := new(call)
		err := rows.Scan(&c.id, &of, &c.key, &c.attempt, &c.started, &c.finished, &c.finish, &c.inputTokens, &c.outputTokens, &c.latency)
		if err != nil {
			return fmt.Errorf("read the view: %w", err)
		}
		i, ok := slices.BinarySearchFunc(list, of, func(res *result, id int64) int { return cmp.Compare(res.id, id) })
		if ok { // else it is in memory
			list[i].calls = append(list[i].calls, c)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the view: %w", err)
	}
	return nil
}

// sum returns what an experiment gets at the end.
func (r *results) sum(experiment int64) *tally {
	t := r.sums[experiment]
	if t == nil {
		t = new(tally)
		r.sums[experiment] = t
		r.touched = append(r.touched, experiment)
	}
	return t
}

// flush writes what changed and forgets all results.
func (r *results) flush() error {
	var fresh []newCall
	for _, res := range r.rows {
		if !res.changed {
			continue
		}
		r.sum(res.experiment).add(res.before, res.tally())
		if err := r.write(res); err != nil {
			return err
		}
		for _, c := range res.calls {
			switch {
			case c.isNew:
				fresh = append(fresh, newCall{c, res})
			default:
				if err := r.writeCall(c); err != nil {
					return err
				}
			}
		}
	}
	slices.SortFunc(fresh, func(a, b newCall) int { return cmp.Compare(a.id, b.id) })
	for _, c := range fresh {
		r.args = c.appendTo(r.args[:0])
		if err := r.a.insertRow(insertCall, r.args); err != nil {
			return err
		}
	}
	clear(r.at)
	r.rows, r.size = r.rows[:0], 0
	return r.a.flushRows()
}

// finish writes what changed, and what experiments come to.
func (r *results) finish() error {
	if err := r.flush(); err != nil {
		return err
	}
	for _, id := range r.touched {
		args := make([]any, 0, len(tallyColumns)+1)
		for _, n := range r.sums[id] {
			args = append(args, n)
		}
		if err := r.a.exec(addTally, append(args, id)); err != nil {
			return err
		}
		if err := r.a.exec(measure, []any{id}); err != nil {
			return err
		}
	}
	r.touched = nil
	clear(r.sums)
	return nil
}

// forget forgets what was not written, because the transaction went back to before it.
func (r *results) forget() {
	clear(r.at)
	clear(r.sums)
	clear(r.experiments)
	clear(r.ahead)
	r.rows, r.touched, r.size, r.lastCall = r.rows[:0], nil, 0, -1
}

// The groups of columns of results of which a row has what changed.
const (
	groupLast = 1 << iota
	groupReply
	groupParsed
)

// updateResult has a statement for each set of groups.
var updateResult = func() (all [8]string) {
	for groups := range all {
		columns := []string{"manual_flag", "outcome", "problem", "flag", "is_false_positive", "is_false_negative", "seq", "attempts", "possibly_billed"}
		if groups&groupLast != 0 {
			columns = append(columns, "input_tokens", "output_tokens", "latency_ms")
		}
		if groups&groupReply != 0 {
			columns = append(columns, "raw_reply", "reasoning", "finish", "call", "attempt")
		}
		if groups&groupParsed != 0 {
			columns = append(columns, "confidence", "indicators", "rational", "reasoning_steps", "step", "parser")
		}
		all[groups] = "UPDATE results SET " + strings.Join(columns, " = ?, ") + " = ? WHERE id = ?"
	}
	return all
}()

// write writes a result.
func (r *results) write(res *result) error {
	positive, negative := res.falsely()
	attempts, open := res.attempts()
	groups := 0
	args := r.args[:0]
	args = append(args, optional(res.manual), string(res.outcome), res.problem, optional(res.flag), positive, negative, res.seq, attempts, open)
	if l := res.last; l != nil {
		groups |= groupLast
		args = append(args, l.inputTokens, l.outputTokens, l.latency)
	}
	if a := res.reply; a != nil {
		groups |= groupReply
		args = append(args, a.text, a.reasoning, a.finish, a.call, a.attempt)
	}
	if p := res.parsed; p != nil {
		groups |= groupParsed
		args = append(args, p.confidence, p.indicators, p.rationale, p.steps, p.step, p.parser)
	}
	if r.update[groups] == nil {
		var err error
		if r.update[groups], err = r.a.prepare(updateResult[groups]); err != nil { //nolint:sqlclosecheck // it is kept until the transaction ends
			return err
		}
	}
	args = append(args, res.id)
	r.args = args
	return r.execShort(r.update[groups], args)
}

// execShort runs a statement that writes one row, which is not worth cancelling: the driver
// starts a goroutine for each statement that can be. The applier stops between events.
func (r *results) execShort(stmt *sql.Stmt, args []any) error {
	if _, err := stmt.ExecContext(r.ctx, args...); err != nil {
		return fmt.Errorf("write to the view: %w", err)
	}
	return nil
}

var insertCall = &Statement{
	SQL: `INSERT INTO calls(id, call, attempt, experiment_id, result_id, started, finished, finish, model, status, input_tokens, output_tokens,
latency_ns, error, error_kind) VALUES `,
	Columns: 15,
}

// newCall is a row of calls that is not in the view.
type newCall struct {
	*call
	of *result
}

// appendTo appends the columns of the row.
func (c newCall) appendTo(args []any) []any {
	return c.appendEnd(append(args, c.id, c.key.String(), c.attempt, c.of.experiment, c.of.id, c.changedStart))
}

// appendEnd appends the columns of a call that its end fills.
func (c *call) appendEnd(args []any) []any {
	e := c.changedEnd
	if e == nil {
		return append(args, make([]any, 9)...)
	}
	return append(args, stamped(e.Finished), nullable(e.Finish), nullable(e.Model), nonzero(e.Status), optional(e.InputTokens), optional(e.OutputTokens),
		int64(e.Latency), nullable(e.Error), nullable(e.ErrorKind))
}

// writeCall writes a call that is in the view.
func (r *results) writeCall(c *call) error {
	if c.changedStart != nil {
		if err := r.a.exec("UPDATE calls SET started = ? WHERE id = ?", []any{c.changedStart, c.id}); err != nil {
			return err
		}
	}
	if c.changedEnd == nil {
		return nil
	}
	return r.a.exec(`UPDATE calls SET finished = ?, finish = ?, model = ?, status = ?, input_tokens = ?, output_tokens = ?, latency_ns = ?,
error = ?, error_kind = ? WHERE id = ?`, append(c.appendEnd(nil), c.id))
}
