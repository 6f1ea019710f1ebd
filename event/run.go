package event

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// RunStarted is the fact that a program was started whose output is captured. A
// run that is started again after a failure is a fact of its own with the same
// RunID and the next Attempt.
//
// Its payload, version 1, is a JSON object.
type RunStarted struct {
	ID        uuid.UUID `json:"-"` // of this one start; the fact's key
	RunID     string    `json:"run_id"`
	Client    string    `json:"client_id,omitzero"`
	Attempt   int       `json:"attempt"` // from 1
	Command   []string  `json:"command"` // the program and its arguments
	Host      string    `json:"host,omitzero"`
	Dir       string    `json:"dir,omitzero"`        // it works in
	GitCommit string    `json:"git_commit,omitzero"` // of that folder
	Started   time.Time `json:"started"`
}

// RunEnded is the fact that a program whose output was captured has ended.
//
// Its payload, version 1, is a JSON object.
type RunEnded struct {
	Start   uuid.UUID  `json:"start"` // of the run's start
	Ended   time.Time  `json:"ended"`
	Outcome RunOutcome `json:"outcome"`
	// ExitCode of the program; -1 where it has none, because a signal ended it or
	// it did not start.
	ExitCode int `json:"exit_code"`
	// Signal that ended the program, such as "killed"; empty: none did.
	Signal string `json:"signal,omitzero"`
	// What became of its records.
	New         int64 `json:"new"`
	Duplicate   int64 `json:"duplicate"`
	Conflicting int64 `json:"conflicting"`
	Rejected    int64 `json:"rejected"`
}

// RunOutcome says how a run ended.
type RunOutcome string

// The outcomes.
const (
	RunExited     RunOutcome = "exited"      // by itself, with its exit code
	RunKilled     RunOutcome = "killed"      // by a signal
	RunTimedOut   RunOutcome = "timed_out"   // it was ended because its time was up
	RunNotStarted RunOutcome = "not_started" // the program could not be started
	RunUnsaved    RunOutcome = "unsaved"     // it was ended because its records could not be stored
)

const runVersion = 1

// Fact returns the start as a fact to be logged.
func (r RunStarted) Fact() (Fact, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return Fact{}, fmt.Errorf("event: encode the start of a run: %w", err)
	}
	return Fact{ID: r.ID, Type: TypeRunStarted, Version: runVersion, Data: data}, nil
}

// Key derives the key from the start's, so that a start has one end.
func (r RunEnded) Key() uuid.UUID { return uuid.NewSHA1(namespaceRunEnd, r.Start[:]) }

// Fact returns the end as a fact to be logged.
func (r RunEnded) Fact() (Fact, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return Fact{}, fmt.Errorf("event: encode the end of a run: %w", err)
	}
	return Fact{ID: r.Key(), Type: TypeRunEnded, Version: runVersion, Data: data}, nil
}

// DecodeRunStarted reads the payload of a run's start, whose key is id.
func DecodeRunStarted(id uuid.UUID, version uint16, data []byte) (RunStarted, error) {
	r := RunStarted{ID: id}
	err := decodeRun(version, data, &r)
	return r, err
}

// DecodeRunEnded reads the payload of a run's end.
func DecodeRunEnded(version uint16, data []byte) (RunEnded, error) {
	var r RunEnded
	err := decodeRun(version, data, &r)
	return r, err
}

func decodeRun(version uint16, data []byte, into any) error {
	if version != runVersion {
		return fmt.Errorf("%w: run of version %d", ErrPayload, version)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: run: %w", ErrPayload, err)
	}
	return nil
}
