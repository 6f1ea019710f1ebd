package event

import (
	"encoding/json"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"
)

// This file has the facts of benchmarks: prompts and models over labelled narratives.
// The payload of each is a JSON object, of version 1 where nothing else is said. What a
// version adds may be left out, so that older payloads are read as they are. References
// between facts are their keys.

// Prompt is the text of a prompt: of a system message, or a [Template] of user messages.
// The same text is one fact, whatever its file.
type Prompt struct {
	Text string `json:"text"`
}

// Narrative is the text of a narrative. The same text is one fact, whatever its id.
type Narrative struct {
	Text string `json:"text"`
}

// NarrativeSet is what an experiment runs over: narratives in order, with the flags
// that people gave them. The same set is one fact.
type NarrativeSet struct {
	Label      string     `json:"label"` // name of the column with the flags; empty: there is none
	Narratives []Labelled `json:"narratives"`
}

// Labelled is one narrative of a set.
type Labelled struct {
	ID   string    `json:"id"`             // no other of the set has it
	Text uuid.UUID `json:"text"`           // key of the Narrative
	Flag *bool     `json:"flag,omitempty"` // as set by hand; nil: it was not
}

// ExperimentDefined is the fact that a benchmark was set up: a prompt and a model over
// a set of narratives. Names may repeat.
type ExperimentDefined struct {
	ID     uuid.UUID `json:"-"` // the fact's key, random
	Name   string    `json:"name"`
	Author string    `json:"author,omitzero"`
	// Prompt is the key of the system message. Template is the key of the [Prompt] that
	// is a template of the user messages; zero: a user message is the narrative alone.
	// If both are the same, there is no system message. Since version 2.
	Prompt     uuid.UUID       `json:"prompt"`
	Template   uuid.UUID       `json:"template,omitzero"`
	Set        uuid.UUID       `json:"set"`
	Provider   string          `json:"provider"`
	Model      string          `json:"model"`
	Repeats    int             `json:"repeats"`    // how often each narrative is asked, from 1
	Parameters json.RawMessage `json:"parameters"` // what else decides the answers, JSON object
	// US dollars for a million tokens; nil: unknown.
	InputPrice  *float64 `json:"input_price,omitempty"`
	OutputPrice *float64 `json:"output_price,omitempty"`
	// Definition is the key that two experiments share which ask the same of the same:
	// see [ExperimentDefined.DefinitionKey].
	Definition uuid.UUID `json:"definition"`
	Defined    time.Time `json:"defined"`
	// Notes and PromptVersion are texts of the author, since version 2. They are not part
	// of the definition key.
	Notes         string `json:"notes,omitzero"`
	PromptVersion string `json:"prompt_version,omitzero"`
}

// payloadVersion is 2: an explog that does not know templates must not read one that
// has a template as if it had none.
func (ExperimentDefined) payloadVersion() uint16 { return 2 }

// ExperimentStarted is the fact that a process began to ask. An experiment that is
// resumed has several.
type ExperimentStarted struct {
	ID         uuid.UUID `json:"-"` // the fact's key, random
	Experiment uuid.UUID `json:"experiment"`
	Host       string    `json:"host,omitzero"`
	Started    time.Time `json:"started"`
}

// ExperimentStopped is the fact that a process has ended to ask. One that was killed
// leaves none.
type ExperimentStopped struct {
	Start      uuid.UUID   `json:"start"` // key of the ExperimentStarted
	Experiment uuid.UUID   `json:"experiment"`
	Outcome    StopOutcome `json:"outcome"`
	Reason     string      `json:"reason,omitzero"` // of an abort
	Stopped    time.Time   `json:"stopped"`
}

// StopOutcome says how a process stopped to ask.
type StopOutcome string

// The outcomes.
const (
	StopFinished StopOutcome = "finished" // every narrative has been asked about
	StopPaused   StopOutcome = "paused"   // somebody interrupted it
	StopAborted  StopOutcome = "aborted"  // going on made no sense: a bad key, too many errors
)

// CallStarted is the fact that a question is about to be asked. It is durable before
// the question leaves.
type CallStarted struct {
	Call       uuid.UUID `json:"call"`    // see [CallKey]
	Attempt    int       `json:"attempt"` // from 1; each try is a fact of its own
	Experiment uuid.UUID `json:"experiment"`
	Narrative  string    `json:"narrative"` // its id
	Repeat     int       `json:"repeat"`    // from 0
	Started    time.Time `json:"started"`
}

// CallFinished is what came of a question that was asked: an answer, or an error.
type CallFinished struct {
	Call       uuid.UUID `json:"call"`
	Attempt    int       `json:"attempt"`
	Experiment uuid.UUID `json:"experiment"`
	Narrative  string    `json:"narrative"`
	Repeat     int       `json:"repeat"`
	// Text is the reply, Reasoning what came beside it, Raw the answer as it came (its
	// bytes in base64), Finish how it ended: complete, truncated, filtered, refused,
	// unknown, reasoned (the answer is in Reasoning) or tool_called (Text is what a tool
	// was called with); empty: there is no answer but an error.
	Text      string `json:"text,omitzero"`
	Reasoning string `json:"reasoning,omitzero"`
	Raw       []byte `json:"raw,omitempty"`
	Finish    string `json:"finish,omitzero"`
	Model     string `json:"model,omitzero"`  // that answered, as it names itself
	Status    int    `json:"status,omitzero"` // of HTTP
	// Tokens; nil: not reported.
	InputTokens  *int64        `json:"input_tokens,omitempty"`
	OutputTokens *int64        `json:"output_tokens,omitempty"`
	Latency      time.Duration `json:"latency_ns"`
	// Error says why there is no answer, ErrorKind of which kind that is: temporary,
	// throttled, fatal or unanswerable. Last: it is not asked again in this run.
	Error     string    `json:"error,omitzero"`
	ErrorKind string    `json:"error_kind,omitzero"`
	Last      bool      `json:"last,omitzero"`
	Finished  time.Time `json:"finished"`
}

// CallWithdrawn is the fact that an answer which was logged is not the question's: the
// program that gave it got out of step. The question is asked again, as another attempt.
type CallWithdrawn struct {
	Call       uuid.UUID `json:"call"`
	Attempt    int       `json:"attempt"` // that was answered
	Experiment uuid.UUID `json:"experiment"`
	Narrative  string    `json:"narrative"`
	Repeat     int       `json:"repeat"`
	Withdrawn  time.Time `json:"withdrawn"`
}

// ResultParsed is what an answer says, taken out of its text. Another version of the
// parser makes another fact; the last one counts.
type ResultParsed struct {
	Call       uuid.UUID     `json:"call"`
	Attempt    int           `json:"attempt"` // that was answered
	Experiment uuid.UUID     `json:"experiment"`
	Narrative  string        `json:"narrative"`
	Repeat     int           `json:"repeat"`
	Parser     int           `json:"parser"` // version of the ladder
	Outcome    ResultOutcome `json:"outcome"`
	Problem    string        `json:"problem,omitzero"` // why the outcome is not ok
	Step       string        `json:"step,omitzero"`    // of the ladder, that matched
	// What the reply says; Flag is nil where the outcome is not ok.
	Flag       *bool    `json:"flag,omitempty"`
	Confidence *float64 `json:"confidence,omitempty"`
	Indicators []string `json:"indicators,omitempty"`
	Rationale  string   `json:"rationale,omitzero"`
	Reasoning  []string `json:"reasoning_steps,omitempty"`
}

// ResultOutcome says what became of asking about a narrative.
type ResultOutcome string

// The outcomes. Only ok enters a confusion matrix.
const (
	ResultOK        ResultOutcome = "ok"
	ResultUnparsed  ResultOutcome = "unparsed"  // the reply says neither yes nor no
	ResultRefused   ResultOutcome = "refused"   // by the model
	ResultFiltered  ResultOutcome = "filtered"  // by a content filter
	ResultTruncated ResultOutcome = "truncated" // the reply ran into a limit
	ResultError     ResultOutcome = "error"     // no answer came
	ResultNotRun    ResultOutcome = "not_run"   // not asked, yet or for want of a text
)

// Relabelled is the fact that somebody corrected the flag of a narrative. It holds for
// the narrative with that id and text under that label in all experiments, until it is
// relabelled again.
type Relabelled struct {
	ID        uuid.UUID `json:"-"` // the fact's key, random
	Label     string    `json:"label"`
	Narrative string    `json:"narrative"`      // its id
	Text      uuid.UUID `json:"text"`           // key of the Narrative
	Flag      *bool     `json:"flag,omitempty"` // nil: it has none
	Relabel   time.Time `json:"relabelled"`
}

// versioned is a payload whose newest version is not 1.
type versioned interface {
	payloadVersion() uint16
}

// newestVersion is the version in which a payload is written, and up to which it is read.
func newestVersion(payload any) uint16 {
	if v, ok := payload.(versioned); ok {
		return v.payloadVersion()
	}
	return 1
}

// Key derives the key from the text.
func (p Prompt) Key() uuid.UUID { return uuid.NewSHA1(namespacePrompt, []byte(p.Text)) }

// Key derives the key from the text.
func (n Narrative) Key() uuid.UUID { return uuid.NewSHA1(namespaceNarrative, []byte(n.Text)) }

// Key derives the key from the set's content.
func (s NarrativeSet) Key() (uuid.UUID, error) {
	data, err := json.Marshal(s)
	return uuid.NewSHA1(namespaceSet, data), err
}

// DefinitionKey derives the key of what an experiment asks of whom: all that decides
// the answers, and not who asked, when, or at what price.
func (e ExperimentDefined) DefinitionKey() uuid.UUID {
	var d []byte
	for _, part := range []string{e.Name, e.Prompt.String(), e.Set.String(), e.Provider, e.Model, fmt.Sprint(e.Repeats), string(e.Parameters)} {
		d = append(append(d, part...), 0)
	}
	if e.Template != uuid.Nil { // without one, the key is that of version 1
		d = append(append(d, e.Template.String()...), 0)
	}
	return uuid.NewSHA1(namespaceDefinition, d)
}

// CallKey derives the key of asking one question: about a narrative of an experiment,
// for the repeat-th time (from 0), in the words that identity stands for.
func CallKey(experiment uuid.UUID, narrative string, repeat int, identity []byte) uuid.UUID {
	d := fmt.Appendf(nil, "%s\x00%d\x00", narrative, repeat)
	return uuid.NewSHA1(experiment, append(d, identity...))
}

func attemptKey(namespace, call uuid.UUID, attempt int) uuid.UUID {
	return uuid.NewSHA1(namespace, fmt.Appendf(call[:], "%d", attempt))
}

// Fact returns the prompt as a fact to be logged.
func (p Prompt) Fact() (Fact, error) { return benchmarkFact(TypePrompt, p.Key(), p) }

// Fact returns the narrative as a fact to be logged.
func (n Narrative) Fact() (Fact, error) { return benchmarkFact(TypeNarrative, n.Key(), n) }

// Fact returns the set as a fact to be logged.
func (s NarrativeSet) Fact() (Fact, error) {
	key, err := s.Key()
	if err != nil {
		return Fact{}, fmt.Errorf("event: encode a set of narratives: %w", err)
	}
	return benchmarkFact(TypeNarrativeSet, key, s)
}

// Fact returns the definition as a fact to be logged.
func (e ExperimentDefined) Fact() (Fact, error) {
	return benchmarkFact(TypeExperimentDefined, e.ID, e)
}

// Fact returns the start as a fact to be logged.
func (e ExperimentStarted) Fact() (Fact, error) {
	return benchmarkFact(TypeExperimentStarted, e.ID, e)
}

// Fact returns the end as a fact to be logged. Its key derives from the start's, so
// that a start has one end.
func (e ExperimentStopped) Fact() (Fact, error) {
	return benchmarkFact(TypeExperimentStopped, uuid.NewSHA1(namespaceStopped, e.Start[:]), e)
}

// Fact returns the start of the call as a fact to be logged.
func (c CallStarted) Fact() (Fact, error) {
	return benchmarkFact(TypeCallStarted, attemptKey(namespaceCallStarted, c.Call, c.Attempt), c)
}

// Fact returns the end of the call as a fact to be logged.
func (c CallFinished) Fact() (Fact, error) {
	return benchmarkFact(TypeCallFinished, attemptKey(namespaceCallFinished, c.Call, c.Attempt), c)
}

// Fact returns the result as a fact to be logged.
func (r ResultParsed) Fact() (Fact, error) {
	key := attemptKey(namespaceResult, r.Call, r.Attempt)
	return benchmarkFact(TypeResultParsed, uuid.NewSHA1(key, fmt.Appendf(nil, "parser %d", r.Parser)), r)
}

// Fact returns the withdrawal as a fact to be logged.
func (c CallWithdrawn) Fact() (Fact, error) {
	return benchmarkFact(TypeCallWithdrawn, attemptKey(namespaceWithdrawn, c.Call, c.Attempt), c)
}

// Fact returns the correction as a fact to be logged.
func (r Relabelled) Fact() (Fact, error) { return benchmarkFact(TypeRelabelled, r.ID, r) }

func benchmarkFact(t Type, key uuid.UUID, payload any) (Fact, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return Fact{}, fmt.Errorf("event: encode %s: %w", t, err)
	}
	return Fact{ID: key, Type: t, Version: newestVersion(payload), Data: data}, nil
}

// DecodeBenchmark reads the payload of a fact of a benchmark into the type that
// belongs to its kind. Those with an ID get it from the caller: it is the fact's key.
func DecodeBenchmark[T any](version uint16, data []byte) (T, error) {
	var v T
	if version < 1 || version > newestVersion(v) {
		return v, fmt.Errorf("%w: %T of version %d", ErrPayload, v, version)
	}
	if err := jsonv2.Unmarshal(data, &v, lenient); err != nil {
		return v, fmt.Errorf("%w: %T: %w", ErrPayload, v, err)
	}
	return v, nil
}

// lenient reads payloads as [json.Unmarshal] does, which wrote them, in a third of the time.
// Reading the log is most of the work of building a view.
var lenient = jsonv2.JoinOptions(
	jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsonv2.MatchCaseInsensitiveNames(true),
	jsonv1.FormatDurationAsNano(true),
)
