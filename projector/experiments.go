package projector

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

//go:embed experiments.sql
var experimentsSchema string

// Experiments returns the view experiments.sqlite: records, rejects and runs.
func Experiments() View {
	return View{
		Name:    "experiments",
		Version: 3, // 2: pages have checksums; runs and clients are in it; 3: keys of rejects are unique
		Schema:  experimentsSchema,
		Indexes: `CREATE UNIQUE INDEX idx_experiments_id ON experiments(id);
CREATE INDEX idx_experiments_client_run ON experiments(client_id, run_id);
CREATE INDEX idx_experiments_client_instant ON experiments(client_id, instant);
CREATE UNIQUE INDEX idx_rejects_id ON rejects(id);
CREATE INDEX idx_rejects_record ON rejects(record_id) WHERE record_id IS NOT NULL;`,
		Tables: []string{"experiments", "clients", "rejects", "runs", "dead_events"},
		Fold:   foldExperiments,
	}
}

var (
	insertExperiment = &Statement{
		SQL: `INSERT INTO experiments(seq, id, client_id, run_id, problem, solution, score, timestamp,
account_snapshot, sources_used, instant, score_text, extra) VALUES `,
		Columns: 13,
	}
	countRecord = &Statement{
		SQL: `INSERT INTO clients(client_id, records) VALUES (?, ?)
ON CONFLICT(client_id) DO UPDATE SET records = records + excluded.records`,
		Sum: true,
	}
	insertReject = &Statement{
		SQL: `INSERT INTO rejects(seq, id, reason, faults, source, line, "offset", record_id, length, sha256, raw)
VALUES `,
		Columns: 11,
	}
	insertRun = &Statement{
		SQL: `INSERT INTO runs(seq, id, run_id, client_id, attempt, command, host, dir, git_commit, started)
VALUES `,
		Columns: 10,
	}
	endRun = &Statement{
		SQL: `UPDATE runs SET ended = ?, outcome = ?, exit_code = ?, signal = ?, new = ?, duplicate = ?, conflicting = ?, rejected = ?
WHERE id = ?`,
	}
)

func foldExperiments(ev eventlog.Event, emit Emit) error {
	switch event.Type(ev.Type) {
	case event.TypeSaved:
		return foldSaved(ev, emit)
	case event.TypeRejected:
		return foldRejected(ev, emit)
	case event.TypeRunStarted:
		return foldRunStarted(ev, emit)
	case event.TypeRunEnded:
		return foldRunEnded(ev, emit)
	}
	return nil // another view's
}

func foldSaved(ev eventlog.Event, emit Emit) error {
	r, instant, err := event.ReadRow(ev.Version, ev.Data)
	if err != nil {
		return err
	}
	if r.ID != ev.ID.String() {
		return fmt.Errorf("%w: record %s under the key %s", event.ErrPayload, r.ID, ev.ID)
	}
	score, err := strconv.ParseFloat(r.Score, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // 1e-999 is 0
		return err
	}
	var spelling any
	if r.Score != strconv.FormatFloat(score, 'g', -1, 64) {
		spelling = r.Score
	}
	emit(insertExperiment, ev.Seq, r.ID, r.ClientID, r.RunID, r.Problem, r.Solution, score, r.Timestamp,
		r.AccountSnapshot, r.SourcesUsed, instant.UnixMicro(), spelling, nullable(r.Extra))
	emit(countRecord, r.ClientID, int64(1))
	return nil
}

func foldRejected(ev eventlog.Event, emit Emit) error {
	r, err := event.DecodeRejected(ev.Version, ev.Data)
	if err != nil {
		return err
	}
	faults, err := json.Marshal(r.Faults)
	if err != nil {
		return err
	}
	var length any
	if r.Length > 0 {
		length = r.Length
	}
	emit(insertReject, ev.Seq, ev.ID.String(), string(r.Reason()), string(faults), r.Source, r.Line, r.Offset,
		nullable(r.Record), length, nullable(r.SHA256), append([]byte{}, r.Raw...))
	return nil
}

func foldRunStarted(ev eventlog.Event, emit Emit) error {
	r, err := event.DecodeRunStarted(ev.ID, ev.Version, ev.Data)
	if err != nil {
		return err
	}
	command, err := json.Marshal(r.Command)
	if err != nil {
		return err
	}
	emit(insertRun, ev.Seq, r.ID.String(), r.RunID, r.Client, r.Attempt, string(command), r.Host, r.Dir, r.GitCommit, instantText(r.Started))
	return nil
}

func foldRunEnded(ev eventlog.Event, emit Emit) error {
	r, err := event.DecodeRunEnded(ev.Version, ev.Data)
	if err != nil {
		return err
	}
	emit(endRun, instantText(r.Ended), string(r.Outcome), r.ExitCode, nullable(r.Signal), r.New, r.Duplicate, r.Conflicting, r.Rejected,
		r.Start.String())
	return nil
}

func instantText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// nullable turns an empty text into NULL.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}
