package provider

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// asker is what the providers have in common.
type asker interface {
	Answer(context.Context, Request) (Answer, error)
	Identity(Request) []byte
	Close() error
}

var (
	_ asker = (*Rules)(nil)
	_ asker = (*Replay)(nil)
)

var question = Request{NarrativeID: "n1", Prompt: "Is it so?", Narrative: "He hit her.", Model: "m"}

// mustAnswer asks and wants an answer.
func mustAnswer(t *testing.T, p asker, r Request) Answer {
	t.Helper()
	a, err := p.Answer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// mustFail asks and wants an error of a kind that says certain words.
func mustFail(t *testing.T, p asker, r Request, kind Kind, says string) *Error {
	t.Helper()
	a, err := p.Answer(t.Context(), r)
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %+v and %v, want an *Error", a, err)
	}
	if failed.Kind != kind || !strings.Contains(failed.Message, says) {
		t.Fatalf("got a %s error %q, want a %s one that says %q", failed.Kind, failed.Message, kind, says)
	}
	return failed
}
