package provider

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "program" {
		os.Exit(runProgram(os.Args[2], os.Args[3:]))
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // for the programs: they would end a second late
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
	_ asker = (*Command)(nil)
	_ asker = (*Replay)(nil)
	_ asker = (*OpenAI)(nil)
	_ asker = (*Anthropic)(nil)
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

func ptr[T any](v T) *T { return &v }

// fields takes a JSON object apart.
func fields(t *testing.T, body string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m
}

// shown prints an answer with what its pointers point to.
func shown(a Answer) string {
	text, _ := json.Marshal(a)
	return string(text)
}
