package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// What servers and programs send is JSON of many forms. What is here takes of it what
// has the expected form, and lets the rest pass.

// decode takes JSON apart as far as it has the expected form: a field of another
// type is left as it is. What is no JSON at all is an error.
func decode(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) {
		return nil
	}
	return err
}

// isThere reports whether a field has a value.
func isThere(raw json.RawMessage) bool {
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}

// word returns a text without its quotes, and other JSON as it stands.
func word(raw json.RawMessage) string {
	var s string
	if decode(raw, &s) == nil && s != "" {
		return s
	}
	switch s = string(raw); s {
	case "null", `""`, "{}", "[]":
		return ""
	}
	return s
}

// tokens is a number of tokens.
type tokens struct {
	n *int64 // nil: not told
}

// UnmarshalJSON never fails: what is no such number is not told.
func (t *tokens) UnmarshalJSON(data []byte) error {
	f, err := strconv.ParseFloat(string(data), 64)
	if err == nil && f >= 0 && f < 1<<53 {
		n := int64(f)
		t.n = &n
	}
	return nil
}

// prose is text as the protocols give it: a string, or a list of parts, some of
// which may be reasoning.
type prose struct {
	text, thinking string
}

// UnmarshalJSON never fails: what has neither form is no text.
func (p *prose) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		_ = json.Unmarshal(data, &p.text) // it is valid JSON and a string
	case '[':
		var parts []struct {
			Text     string `json:"text"`
			Thinking prose  `json:"thinking"`
		}
		_ = decode(data, &parts) // it is valid JSON
		for _, part := range parts {
			p.text += part.Text
			p.thinking += part.Thinking.text
		}
	}
	return nil
}
