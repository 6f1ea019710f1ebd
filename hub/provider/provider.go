// Package provider holds who can be asked about a narrative: keyword rules, a
// program, a recording, and language models behind two network protocols.
//
// Each provider has the same three methods, and whoever uses them declares the
// interface that it needs:
//
//	Answer(ctx context.Context, r Request) (Answer, error) // one call; every error is an *Error
//	Identity(r Request) []byte                             // what decides the answer, as canonical JSON
//	Close() error                                          // once no call is under way
//
// A provider makes one call and hands back what came. It does not retry, wait, log
// or count: its [Error] says whether another try can help and when. It does not
// read the answer either: the text is taken apart by whoever asked. Answer and
// Identity may be called from many goroutines.
//
// Some have two more methods:
//
//	News() News // warnings, and answers that are withdrawn; to be called after each Answer
//	Settle()    // once no call is under way: checks the answers so far, see News
//
// An identity leaves out what does not decide the answer (keys, timeouts) and what
// names the call (the narrative's id, the repeat). It is the same before and after
// a provider has learnt what a server does not take.
//
// A key given to a provider appears in no Answer, Error or identity.
package provider

import (
	"cmp"
	"encoding/json"
	"sync"
	"time"
)

// Request is one question: a prompt over one narrative.
type Request struct {
	NarrativeID string
	Repeat      int    // which asking of the same question this is, from 0
	Prompt      string // the system message; empty: there is none
	Narrative   string
	Message     string // the user message with the narrative in it; empty: the narrative alone
	Model       string
	// Sampling parameters; nil: not sent.
	Temperature *float64
	MaxTokens   *int
	Seed        *int64
}

// user returns the user message.
func (r Request) user() string { return cmp.Or(r.Message, r.Narrative) }

// Answer is what came back.
type Answer struct {
	Text                      string // the reply; "" where there is none
	Reasoning                 string // what the model reports of its reasoning beside the reply
	Raw                       []byte // the answer as it came: the response's body, or the program's line
	Finish                    Finish
	InputTokens, OutputTokens *int64 // nil: not reported
	Model                     string // that answered, as it names itself; "" where it does not
	Status                    int    // of HTTP; 0 where there is none
	Pace                      Pace
	Provisional               bool // it may be withdrawn later, see News
}

// Finish says how an answer ended.
type Finish string

// The ways in which an answer ends.
const (
	Complete  Finish = "complete"
	Truncated Finish = "truncated" // it ran into a limit of tokens
	Filtered  Finish = "filtered"  // a content filter held the question or the answer back
	Refused   Finish = "refused"   // the model declined; Text is what it said, if anything
	// Unknown: the server gave a reason that is not known, so the text may be cut off.
	Unknown Finish = "unknown"
	// Reasoned: the model stopped by itself and left no text. Reasoning is all there is.
	Reasoned Finish = "reasoned"
	// ToolCalled: the model left no text and called a tool. Text is what it called it with.
	ToolCalled Finish = "tool_called"
)

// News is what a provider has to say beside its answers, since it was last asked for it.
type News struct {
	// Withdrawn are answers that turned out to be another question's, or nobody's. Each
	// question is to be asked again.
	Withdrawn []Asked
	Notes     []string // warnings for people, each said once
}

// Asked names a question that was answered.
type Asked struct {
	NarrativeID string
	Repeat      int
}

// notes gathers warnings.
type notes struct {
	mu   sync.Mutex
	list []string
	said map[string]bool
}

// add adds a warning of a kind, unless there was one.
func (n *notes) add(kind, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.said[kind] {
		return
	}
	if n.said == nil {
		n.said = make(map[string]bool)
	}
	n.said[kind] = true
	n.list = append(n.list, text)
}

// take returns the warnings that were added since it was last called.
func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.list
	n.list = nil
	return list
}

// Pace is what a server says of its rate limits. The zero value: nothing.
type Pace struct {
	Requests, Tokens Window
}

// Window is one rate limit.
type Window struct {
	Known            bool // the server told how much remains
	Limit, Remaining int64
	Reset            time.Duration // until it is full again; 0: not told
}

// identity returns the canonical JSON of a value whose fields are in fixed order.
func identity(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // no value here can fail: text, numbers that config has checked, lists
		return []byte(err.Error())
	}
	return data
}
