package event

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestRunsComeBackAsTheyWere(t *testing.T) {
	start := RunStarted{
		ID: uuid.MustParse("7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90"), RunID: "r", Client: "c", Attempt: 2,
		Command: []string{"sh", "-c", "echo \"<x>\"\n"}, Host: "h", Dir: "/d", GitCommit: "0123", Started: time.Date(2026, 4, 7, 9, 30, 0, 1000, time.UTC),
	}
	f, err := start.Fact()
	if err != nil || f.ID != start.ID || f.Type != TypeRunStarted {
		t.Fatalf("%+v, %v", f, err)
	}
	if got, err := DecodeRunStarted(f.ID, f.Version, f.Data); err != nil || !reflect.DeepEqual(got, start) {
		t.Errorf("%+v, %v", got, err)
	}
	end := RunEnded{Start: start.ID, Ended: start.Started, Outcome: RunKilled, ExitCode: -1, Signal: "killed", New: 1, Duplicate: 2, Conflicting: 3, Rejected: 4}
	if f, err = end.Fact(); err != nil || f.ID == start.ID || f.Type != TypeRunEnded {
		t.Fatalf("%+v, %v", f, err)
	}
	if got, err := DecodeRunEnded(f.Version, f.Data); err != nil || got != end || got.Key() != f.ID {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPayloadsOfRunsThatCannotBeRead(t *testing.T) {
	for name, err := range map[string]error{
		"start of another version": second(DecodeRunStarted(uuid.UUID{}, 2, []byte("{}"))),
		"start that is no JSON":    second(DecodeRunStarted(uuid.UUID{}, 1, []byte("{"))),
		"end of another version":   second(DecodeRunEnded(0, []byte("{}"))),
		"end that is no object":    second(DecodeRunEnded(1, []byte("[]"))),
	} {
		if !errors.Is(err, ErrPayload) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
