package query

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
)

// HubExperiment is one benchmark as the view has it, with what its results come to.
type HubExperiment struct {
	ID         int64 // of the view; the same on every rebuild
	UUID       uuid.UUID
	Definition uuid.UUID // shared by experiments that ask the same of the same
	Name       string
	Author     string
	PromptID   int64
	Prompt     string // its text
	// TemplateID and Template are those of the user message; 0: it is the narrative
	// alone. If it is the prompt itself, there was no system message.
	TemplateID int64
	Template   string
	Notes      string
	// PromptVersion is what the author calls the prompt.
	PromptVersion string
	ModelID       int64
	Model         string
	Provider      string
	Label         string // name of the column with the manual flags; empty: there is none
	Repeats       int
	Parameters    json.RawMessage
	// Status is defined (nobody has begun to ask), running (or killed: no end was
	// logged), finished, paused or aborted, with the Reason of an abort.
	Status  string
	Reason  string
	Started time.Time // first; zero: never
	Ended   time.Time // last; zero: not
	// Total counts results: narratives times repeats. Labelled of them have a manual
	// flag, ManualTrue one that is TRUE; Positives were flagged TRUE by the model.
	Total, Labelled, ManualTrue, Positives int
	TP, FN, FP, TN                         int // ok and labelled
	Outcomes                               map[event.ResultOutcome]int
	UnusableTrue, UnusableFalse            int // labelled TRUE or FALSE, asked about, without an ok answer
	InputTokens, OutputTokens              int64
	Cost                                   *float64 // US dollars; nil: unknown
	MeanLatency                            time.Duration
	Calls                                  int // attempts that were started
	PossiblyBilled                         int // of these, started and never finished
}

// System is the system message; empty: there was none.
func (e HubExperiment) System() string {
	if e.TemplateID == e.PromptID {
		return ""
	}
	return e.Prompt
}

// Message is the user message about a narrative.
func (e HubExperiment) Message(narrative string) string {
	t, _ := event.ParseTemplate(e.Template) // the zero template is the narrative alone
	return t.Message(narrative)
}

// HubResult is what one experiment said of one narrative, once.
type HubResult struct {
	ID             int64
	ExperimentID   int64
	NarrativeID    string
	Repeat         int    // from 0
	Text           string // of the narrative
	Manual         *bool  // nil: it has no manual flag
	Outcome        event.ResultOutcome
	Problem        string // why the outcome is not ok
	Flag           *bool  // nil: the outcome is not ok
	Confidence     *float64
	Indicators     []string
	Rationale      string
	ReasoningSteps []string
	Step           string // of the ladder
	Reply          string // the raw reply's text
	Reasoning      string // that came beside it
	Finish         string // how the reply ended; empty: there is none
	Attempts       int
	PossiblyBilled int // attempts that were started and never finished
	InputTokens    *int64
	OutputTokens   *int64
	Latency        time.Duration // of the last attempt that finished
}

// Verdict is what an experiment said of a narrative, with the experiment.
type Verdict struct {
	Experiment HubExperiment
	Result     HubResult
}
