package provider

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Replay answers from a recording. It never asks anybody.
type Replay struct {
	source   string
	recorded func(ctx context.Context, r Request) (Answer, bool, error)
	held     []Recorded
}

// Recorded names an answer of a recording.
type Recorded struct {
	Asked
	Narrative string // its text; empty: not known
}

// NewReplay returns a provider of recorded answers. The source names the recording
// in identities and errors: an earlier experiment's id, for example. The function
// finds an answer by the request's narrative and repeat; false: there is none. The list
// names all answers, for Compare.
func NewReplay(source string, recorded func(ctx context.Context, r Request) (Answer, bool, error), list ...Recorded) *Replay {
	return &Replay{source, recorded, list}
}

// Compare returns warnings about answers that will not be asked for, and about
// narratives whose text is another one than that which was answered. The map has the
// texts by their ids. limited: narratives were left out on purpose, so answers about
// others are none of the warnings.
func (p *Replay) Compare(narratives map[string]string, repeats int, limited bool) []string {
	var unknown, surplus, differ []string
	for _, held := range p.held {
		text, known := narratives[held.NarrativeID]
		switch {
		case !known && !limited:
			unknown = append(unknown, held.NarrativeID)
		case !known:
		case held.Repeat >= repeats:
			surplus = append(surplus, held.NarrativeID)
		case held.Narrative != "" && sameText(held.Narrative) != sameText(text):
			differ = append(differ, held.NarrativeID)
		}
	}
	var warnings []string
	for _, w := range []struct {
		ids       []string
		one, more string
	}{
		{unknown, "1 recorded reply matches no narrative", "%d recorded replies match no narrative"},
		{surplus, "1 recorded reply is surplus", "%d recorded replies are surplus"},
		{differ, "the text of 1 narrative differs from that which was answered", "the texts of %d narratives differ from those which were answered"},
	} {
		if n := len(w.ids); n > 0 {
			warnings = append(warnings, many(n, w.one, w.more)+": "+firstOf(w.ids))
		}
	}
	return warnings
}

// sameText returns a text as it is compared: line breaks and the space at its ends come
// from the file that it was in.
func sameText(text string) string { return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) }

// firstOf lists the first of some ids.
func firstOf(ids []string) string {
	const most = 5
	shown := make([]string, 0, most)
	for _, id := range ids[:min(len(ids), most)] {
		shown = append(shown, excerpt(id))
	}
	if len(ids) > most {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

// Close does nothing.
func (*Replay) Close() error { return nil }

// Identity returns what decides the answer: the recording.
func (p *Replay) Identity(Request) []byte {
	return identity(struct {
		Provider string `json:"provider"`
		Source   string `json:"source"`
	}{"replay", p.source})
}

// Answer looks the answer up.
func (p *Replay) Answer(ctx context.Context, r Request) (Answer, error) {
	if failed := ended(ctx, 0, "replay"); failed != nil {
		return Answer{}, failed
	}
	a, found, err := p.recorded(ctx, r)
	switch {
	case err != nil:
		failed := &Error{Kind: Temporary, Message: fmt.Sprintf("%s cannot be read: %v", p.source, err)}
		if ctx.Err() != nil {
			failed.cause = ctx.Err()
		}
		return Answer{}, failed
	case !found && r.Repeat > 0:
		return Answer{}, &Error{Kind: Unanswerable, Message: fmt.Sprintf("%s has no recorded answer for narrative %s, repeat %d", p.source, r.NarrativeID, r.Repeat)}
	case !found:
		return Answer{}, &Error{Kind: Unanswerable, Message: fmt.Sprintf("%s has no recorded answer for narrative %s", p.source, r.NarrativeID)}
	}
	return a, nil
}

const (
	mostReplayLine   = 32 << 20
	mostReplayFaults = 20
)

// ReadReplay reads recorded answers from JSONL: per line an object with narrative_id
// (a text or a number) and reply (or raw_reply), a text; other fields are let pass,
// and a line whose reply is null or missing records no answer. narrative_text, or
// narrative, may have the text that was answered. The lines of one
// narrative are its repeats, in their order. The identity is the content's, whatever the file is called.
//
// The error names every line that is wrong, up to twenty.
func ReadReplay(r io.Reader) (*Replay, error) {
	hash := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(r, hash))
	lines.Buffer(make([]byte, 64<<10), mostReplayLine)
	replies := make(map[string][]Answer)
	var held []Recorded
	var faults []error
	n := 1
	for ; lines.Scan(); n++ {
		line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		if len(line) == 0 {
			continue
		}
		id, text, a, err := parseReplay(bytes.Clone(line))
		switch {
		case err != nil && len(faults) == mostReplayFaults:
			return nil, errors.Join(append(faults, errors.New("and more"))...)
		case err != nil:
			faults = append(faults, fmt.Errorf("line %d: %w", n, err))
		case a != nil:
			held = append(held, Recorded{Asked{id, len(replies[id])}, text})
			replies[id] = append(replies[id], *a)
		}
	}
	if err := lines.Err(); err != nil {
		faults = append(faults, fmt.Errorf("line %d: %w", n, err))
	}
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	recorded := func(_ context.Context, r Request) (Answer, bool, error) {
		if all := replies[r.NarrativeID]; r.Repeat >= 0 && r.Repeat < len(all) {
			return all[r.Repeat], true, nil
		}
		return Answer{}, false, nil
	}
	return NewReplay("recording "+hex.EncodeToString(hash.Sum(nil)), recorded, held...), nil
}

// parseReplay reads one line; a nil answer: none is recorded.
func parseReplay(line []byte) (id, narrative string, a *Answer, err error) {
	var wire struct {
		NarrativeID json.RawMessage `json:"narrative_id"`
		Reply       json.RawMessage `json:"reply"`
		RawReply    json.RawMessage `json:"raw_reply"`
		Text        json.RawMessage `json:"narrative_text"`
		Narrative   json.RawMessage `json:"narrative"`
	}
	if line[0] != '{' || decode(line, &wire) != nil {
		return "", "", nil, errors.New("not a JSON object")
	}
	id = word(wire.NarrativeID)
	if id == "" || bytes.ContainsAny(wire.NarrativeID[:1], "{[tf") {
		return "", "", nil, errors.New("narrative_id is missing, or neither a text nor a number")
	}
	raw := wire.Reply
	if !isThere(raw) {
		raw = wire.RawReply
	}
	if !isThere(raw) {
		return id, "", nil, nil
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", "", nil, errors.New("the reply is not a text")
	}
	return id, cmp.Or(word(wire.Text), word(wire.Narrative)), &Answer{Text: *text, Raw: line, Finish: Complete}, nil
}
