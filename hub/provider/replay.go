package provider

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Replay answers from a recording. It never asks anybody.
type Replay struct {
	source   string
	recorded func(ctx context.Context, r Request) (Answer, bool, error)
}

// NewReplay returns a provider of recorded answers. The source names the recording
// in identities and errors: an earlier experiment's id, for example. The function
// finds an answer by the request's narrative and repeat; false: there is none.
func NewReplay(source string, recorded func(ctx context.Context, r Request) (Answer, bool, error)) *Replay {
	return &Replay{source, recorded}
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
// and a line whose reply is null or missing records no answer. The lines of one
// narrative are its repeats, in their order. The identity is the content's, whatever the file is called.
//
// The error names every line that is wrong, up to twenty.
func ReadReplay(r io.Reader) (*Replay, error) {
	hash := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(r, hash))
	lines.Buffer(make([]byte, 64<<10), mostReplayLine)
	replies := make(map[string][]Answer)
	var faults []error
	n := 1
	for ; lines.Scan(); n++ {
		line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		if len(line) == 0 {
			continue
		}
		id, a, err := parseReplay(bytes.Clone(line))
		switch {
		case err != nil && len(faults) == mostReplayFaults:
			return nil, errors.Join(append(faults, errors.New("and more"))...)
		case err != nil:
			faults = append(faults, fmt.Errorf("line %d: %w", n, err))
		case a != nil:
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
	return NewReplay("recording "+hex.EncodeToString(hash.Sum(nil)), recorded), nil
}

// parseReplay reads one line; a nil answer: none is recorded.
func parseReplay(line []byte) (id string, a *Answer, err error) {
	var wire struct {
		NarrativeID json.RawMessage `json:"narrative_id"`
		Reply       json.RawMessage `json:"reply"`
		RawReply    json.RawMessage `json:"raw_reply"`
	}
	if line[0] != '{' || decode(line, &wire) != nil {
		return "", nil, errors.New("not a JSON object")
	}
	id = word(wire.NarrativeID)
	if id == "" || bytes.ContainsAny(wire.NarrativeID[:1], "{[tf") {
		return "", nil, errors.New("narrative_id is missing, or neither a text nor a number")
	}
	raw := wire.Reply
	if !isThere(raw) {
		raw = wire.RawReply
	}
	if !isThere(raw) {
		return id, nil, nil
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", nil, errors.New("the reply is not a text")
	}
	return id, &Answer{Text: *text, Raw: line, Finish: Complete}, nil
}
