package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
)

// defaultMaxTokens is sent where a request has no limit: the messages protocol wants
// one.
const defaultMaxTokens = 1024

// Anthropic asks by the messages protocol, version 2023-06-01. The protocol has no
// seed, so a request's is not sent. A request without MaxTokens is sent with 1,024.
type Anthropic struct {
	endpoint *endpoint
}

// NewAnthropic returns a provider for the server at the base URL, to which
// /v1/messages is added; the default is https://api.anthropic.com. An error is an
// [*Error].
func NewAnthropic(o HTTPOptions) (*Anthropic, error) {
	o.BaseURL = strings.TrimSuffix(strings.TrimRight(cmp.Or(o.BaseURL, "https://api.anthropic.com"), "/"), "/v1")
	e, err := newEndpoint(o, "/v1/messages", "X-Api-Key", "")
	if err != nil {
		return nil, err
	}
	e.header.Set("Anthropic-Version", "2023-06-01")
	return &Anthropic{e}, nil
}

// Close closes connections that wait for another call.
func (a *Anthropic) Close() error { return a.endpoint.close() }

// messagesRequest is the body of a call.
type messagesRequest struct {
	Model       string        `json:"model"`
	MaxTokens   int           `json:"max_tokens"`
	System      string        `json:"system,omitempty"`
	Messages    []chatMessage `json:"messages"`
	Temperature *float64      `json:"temperature,omitempty"`
}

// sentMessages is a body as it is sent. Identities are older than the field stream, and
// it decides no answer.
type sentMessages struct {
	messagesRequest
	Stream bool `json:"stream"`
}

func newMessagesRequest(r Request) messagesRequest {
	m := messagesRequest{
		Model: r.Model, MaxTokens: defaultMaxTokens, System: r.Prompt, Temperature: r.Temperature,
		Messages: []chatMessage{{"user", r.user()}},
	}
	if r.MaxTokens != nil {
		m.MaxTokens = *r.MaxTokens
	}
	return m
}

// Identity returns what decides the answer: the address and the call's body.
func (a *Anthropic) Identity(r Request) []byte {
	return identity(struct {
		Provider string          `json:"provider"`
		BaseURL  string          `json:"base_url"`
		Body     messagesRequest `json:"body"`
	}{"anthropic", a.endpoint.base, newMessagesRequest(r)})
}

// Answer asks once.
func (a *Anthropic) Answer(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := withLimit(ctx, a.endpoint.timeout)
	defer cancel()
	body, err := json.Marshal(sentMessages{messagesRequest: newMessagesRequest(r)})
	if err != nil {
		return Answer{}, &Error{Kind: Fatal, Message: "the request cannot be written as JSON: " + err.Error()}
	}
	resp, err := a.endpoint.post(ctx, body)
	if err != nil {
		return Answer{}, err
	}
	return a.endpoint.checked(resp.messagesAnswer())
}

// messagesReply is the body of an answer.
type messagesReply struct {
	Type        string `json:"type"` // message, or error
	Model       string `json:"model"`
	Content     prose  `json:"content"`
	StopReason  string `json:"stop_reason"`
	StopDetails struct {
		Explanation string `json:"explanation"`
	} `json:"stop_details"`
	Usage struct {
		InputTokens   tokens `json:"input_tokens"` // without those written to or read from the cache
		CacheCreation tokens `json:"cache_creation_input_tokens"`
		CacheRead     tokens `json:"cache_read_input_tokens"`
		OutputTokens  tokens `json:"output_tokens"`
	} `json:"usage"`
}

// messagesAnswer reads a response.
func (r *response) messagesAnswer() (Answer, error) {
	var reply messagesReply
	switch err := decode(r.body, &reply); {
	case r.status/100 != 2, err == nil && reply.Type == "error":
		return r.refused(r.body)
	case err != nil, reply.Type != "message" && reply.StopReason == "":
		return Answer{}, r.unreadable()
	}
	a := r.answer(Complete)
	a.Text, a.Reasoning, a.Model = reply.Content.text, reply.Content.thinking, reply.Model
	u := reply.Usage
	a.InputTokens, a.OutputTokens = u.InputTokens.n, u.OutputTokens.n
	for _, more := range []tokens{u.CacheCreation, u.CacheRead} {
		if more.n != nil && a.InputTokens != nil {
			*a.InputTokens += *more.n
		}
	}
	if a.Finish = endingOf(reply.StopReason).finish; a.Finish == Refused {
		a.Text = cmp.Or(a.Text, reply.StopDetails.Explanation)
	}
	if a.Finish == "" {
		return Answer{}, r.error(Temporary, "the model broke off: "+excerpt(reply.StopReason))
	}
	return a, nil
}
