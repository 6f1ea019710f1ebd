package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// commandRequest is what a program reads as JSON.
type commandRequest struct {
	ID          string   `json:"id"`
	Repeat      int      `json:"repeat"`
	Prompt      string   `json:"prompt"`
	Narrative   string   `json:"narrative"`
	Message     string   `json:"message,omitzero"`
	Model       string   `json:"model"`
	Temperature *float64 `json:"temperature,omitempty"`
	MaxTokens   *int     `json:"max_tokens,omitempty"`
	Seed        *int64   `json:"seed,omitempty"`
}

func newCommandRequest(r Request) commandRequest {
	return commandRequest{r.NarrativeID, r.Repeat, r.Prompt, r.Narrative, r.Message, r.Model, r.Temperature, r.MaxTokens, r.Seed}
}

// lineBreaks are what some program or other takes for the end of a line.
var lineBreaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\v", " ", "\f", " ", "\u0085", " ", "\u2028", " ", "\u2029", " ")

// input returns what the program reads for a request.
func (c *Command) input(r Request) ([]byte, error) {
	if c.opts.Input == InputJSON {
		line, err := json.Marshal(newCommandRequest(r))
		return append(line, '\n'), err
	}
	text := r.user()
	if c.opts.Mode == ModeLines {
		text = lineBreaks.Replace(text)
	}
	return append([]byte(text), '\n'), nil
}

// commandReply is an answer as an object.
type commandReply struct {
	ID           json.RawMessage `json:"id"`
	Text         json.RawMessage `json:"text"`
	Detected     json.RawMessage `json:"detected"`
	Flag         json.RawMessage `json:"flag"`
	Error        string          `json:"error"`
	Reasoning    string          `json:"reasoning"`
	Model        string          `json:"model"`
	InputTokens  tokens          `json:"input_tokens"`
	OutputTokens tokens          `json:"output_tokens"`
}

// read takes what a program printed for the answer that it is.
func (c *Command) read(printed []byte, id string) (Answer, error) {
	printed = bytes.TrimSpace(printed)
	a := Answer{Raw: printed, Finish: Complete, Text: strings.ToValidUTF8(string(printed), "\uFFFD")}
	var reply commandReply
	if !bytes.HasPrefix(printed, []byte("{")) || decode(printed, &reply) != nil {
		return a, nil
	}
	if isThere(reply.ID) && word(reply.ID) != id {
		return Answer{}, &Error{Kind: Temporary, Raw: head(printed), Message: fmt.Sprintf(
			"program %s answered %q when it was asked %q: it is out of step", c.opts.Args[0], excerpt(word(reply.ID)), id)}
	}
	switch {
	case bytes.HasPrefix(reply.Text, []byte(`"`)):
		a.Text = word(reply.Text)
	case reply.Error != "" && !isThere(reply.Detected) && !isThere(reply.Flag):
		return Answer{}, &Error{Kind: Unanswerable, Raw: head(printed), Message: fmt.Sprintf(
			"program %s says: %s", c.opts.Args[0], excerpt(reply.Error))}
	}
	a.Reasoning, a.Model = reply.Reasoning, reply.Model
	a.InputTokens, a.OutputTokens = reply.InputTokens.n, reply.OutputTokens.n
	return a, nil
}

// idOf returns the id that a line has; false: it is not a JSON object, or has none.
func idOf(line []byte) (string, bool) {
	line = bytes.TrimSpace(line)
	var reply struct {
		ID json.RawMessage `json:"id"`
	}
	if !bytes.HasPrefix(line, []byte("{")) || decode(line, &reply) != nil || !isThere(reply.ID) {
		return "", false
	}
	return word(reply.ID), true
}
