// Package event says what can happen: each kind of fact that explog keeps is a
// Go type here, with its checks and its bytes.
//
// A fact begins as JSON at the door. [ParseDraft] takes an object apart,
// [Draft.Complete] checks it and fills what may be left out, and what comes out,
// a [Saved], cannot be wrong: everything behind the door trusts it. Input that
// does not get through becomes a [Rejected], which is a fact too.
//
// Facts are kept as versioned payloads. A payload never changes once it is
// written; a new layout gets a new version, and the decoders here read all
// versions for ever.
//
// The package does no I/O, reads no clock and draws no random numbers, and it
// does not know where facts are kept.
package event

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Type is the kind of a fact. The numbers are part of the stored format: they are
// never reused and never change.
type Type uint16

// The kinds of facts.
const (
	// TypeSaved is a record that was saved, see [Saved].
	TypeSaved Type = 1
	// TypeRejected is input that could not become a record, see [Rejected].
	TypeRejected Type = 2
	// TypeRunStarted is a program that was started, see [RunStarted].
	TypeRunStarted Type = 3
	// TypeRunEnded is a program that has ended, see [RunEnded].
	TypeRunEnded Type = 4
	// TypePrompt is a prompt, see [Prompt].
	TypePrompt Type = 5
	// TypeNarrative is a narrative, see [Narrative].
	TypeNarrative Type = 6
	// TypeNarrativeSet is a set of labelled narratives, see [NarrativeSet].
	TypeNarrativeSet Type = 7
	// TypeExperimentDefined is a benchmark that was set up, see [ExperimentDefined].
	TypeExperimentDefined Type = 8
	// TypeExperimentStarted is a process that began to ask, see [ExperimentStarted].
	TypeExperimentStarted Type = 9
	// TypeExperimentStopped is a process that has ended to ask, see [ExperimentStopped].
	TypeExperimentStopped Type = 10
	// TypeCallStarted is a question that is about to be asked, see [CallStarted].
	TypeCallStarted Type = 11
	// TypeCallFinished is what came of a question, see [CallFinished].
	TypeCallFinished Type = 12
	// TypeResultParsed is what an answer says, see [ResultParsed].
	TypeResultParsed Type = 13
	// TypeRelabelled is a flag that was corrected, see [Relabelled].
	TypeRelabelled Type = 14
	// TypeCallWithdrawn is an answer that turned out to be another question's, see
	// [CallWithdrawn].
	TypeCallWithdrawn Type = 15
)

// String returns the name that people see, such as "record saved".
func (t Type) String() string {
	switch t {
	case TypeSaved:
		return "record saved"
	case TypeRejected:
		return "input rejected"
	case TypeRunStarted:
		return "run started"
	case TypeRunEnded:
		return "run ended"
	case TypePrompt:
		return "prompt"
	case TypeNarrative:
		return "narrative"
	case TypeNarrativeSet:
		return "set of narratives"
	case TypeExperimentDefined:
		return "experiment defined"
	case TypeExperimentStarted:
		return "experiment started"
	case TypeExperimentStopped:
		return "experiment stopped"
	case TypeCallStarted:
		return "call started"
	case TypeCallFinished:
		return "call finished"
	case TypeResultParsed:
		return "result parsed"
	case TypeRelabelled:
		return "narrative relabelled"
	case TypeCallWithdrawn:
		return "call withdrawn"
	}
	return fmt.Sprintf("type %d", uint16(t))
}

// Fact is one fact ready to be logged: its key, its kind and its payload.
type Fact struct {
	ID      uuid.UUID
	Type    Type
	Version uint16
	Data    []byte
}

// ErrPayload is wrapped by the decoders' errors: the payload is of a version that
// this program does not know, or its bytes are not what the version says.
var ErrPayload = errors.New("event: unreadable payload")

// Namespaces of the keys that are derived from content (UUID version 5, RFC 9562
// section 5.5). Part of the stored format.
var (
	namespaceRecord       = uuid.MustParse("a2f6c1de-5d0a-4c7e-9f1b-6f2f0f4f3b11")
	namespaceReject       = uuid.MustParse("c4b1f0a8-9e53-4b0e-8a46-2d8f5b7e6c22")
	namespaceRunEnd       = uuid.MustParse("5b8d3e0c-1f7a-4c61-93d5-7a0e4b9c2d33")
	namespacePrompt       = uuid.MustParse("afd2d234-dda8-4bb3-90a0-a06155632d89")
	namespaceNarrative    = uuid.MustParse("bc57e19b-9d3e-43be-bf3d-3b9c5f38d8a2")
	namespaceSet          = uuid.MustParse("2c341a73-cdc6-482f-9944-a6bad83a84a7")
	namespaceDefinition   = uuid.MustParse("784deee7-710d-4181-83ce-b2dcf15e7707")
	namespaceStopped      = uuid.MustParse("4f899ccb-0ff0-4e20-a943-84040f894a31")
	namespaceCallStarted  = uuid.MustParse("17929d45-ac50-428c-a391-25ed52649d17")
	namespaceCallFinished = uuid.MustParse("401ff0fa-0dd1-4d7c-86c6-66af1297f71f")
	namespaceWithdrawn    = uuid.MustParse("9d0d1c55-6a0f-4b60-8a5a-54a3c9f0b6e1")
	namespaceResult       = uuid.MustParse("0620b634-73aa-4601-8f1c-6ffd50cc5a34")
)
