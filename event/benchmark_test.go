package event

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
)

// definedV1 is a definition as version 1 wrote it.
const definedV1 = `{"name":"E","author":"A","prompt":"2b6e1b9c-7b53-5d0e-9a6a-0d5f5c1f3e11","set":"8f0d6f52-1c58-5e0b-8c44-7a0f0c9a5b22",` +
	`"provider":"openai","model":"m","repeats":1,"parameters":{"seed":1},"definition":"95b8a3f4-9c53-5d2c-8f7b-2f60a3c04d33","defined":"2026-11-01T10:00:00Z"}`

func TestDefinitionsOfVersion1AreRead(t *testing.T) {
	e, err := DecodeBenchmark[ExperimentDefined](1, []byte(definedV1))
	if err != nil || e.Name != "E" || e.Template != uuid.Nil || e.Notes != "" || e.PromptVersion != "" {
		t.Fatalf("%+v, %v", e, err)
	}
	e.Template, e.Notes, e.PromptVersion = uuid.New(), "n", "v0.3"
	f, err := e.Fact()
	if err != nil || f.Version != 2 {
		t.Fatalf("version %d, %v", f.Version, err)
	}
	again, err := DecodeBenchmark[ExperimentDefined](f.Version, f.Data)
	if again.ID = e.ID; err != nil || !reflect.DeepEqual(again, e) {
		t.Errorf("%+v, %v\nwant %+v", again, err, e)
	}
}

func TestPayloadsOfUnknownVersions(t *testing.T) {
	for _, version := range []uint16{0, 3} {
		if _, err := DecodeBenchmark[ExperimentDefined](version, []byte(definedV1)); !errors.Is(err, ErrPayload) {
			t.Errorf("a definition of version %d: %v", version, err)
		}
	}
	if _, err := DecodeBenchmark[Prompt](2, []byte(`{"text":"x"}`)); !errors.Is(err, ErrPayload) {
		t.Errorf("a prompt of version 2: %v", err)
	}
	if f, err := (Prompt{Text: "x"}).Fact(); err != nil || f.Version != 1 {
		t.Errorf("a prompt is of version %d, %v", f.Version, err)
	}
}

// The key of an experiment without a template is what it was in version 1, so that one
// that was begun then is resumed.
func TestDefinitionKeys(t *testing.T) {
	e, err := DecodeBenchmark[ExperimentDefined](1, []byte(definedV1))
	if err != nil {
		t.Fatal(err)
	}
	const v1 = "b9956b9b-f01d-58d9-aaac-0b8b495c0d44"
	if got := e.DefinitionKey().String(); got != v1 {
		t.Errorf("the key is %s, want %s", got, v1)
	}
	e.Notes, e.PromptVersion, e.Author, e.Defined = "n", "v", "B", time.Now()
	if got := e.DefinitionKey().String(); got != v1 {
		t.Errorf("with notes the key is %s, want %s", got, v1)
	}
	e.Template = e.Prompt
	if e.DefinitionKey().String() == v1 {
		t.Error("a template makes no other key")
	}
}
