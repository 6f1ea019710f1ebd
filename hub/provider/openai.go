package provider

import (
	"context"
	"encoding/json"
	"sync/atomic"
)

// OpenAI asks by the chat-completions protocol, which many servers speak: OpenAI,
// Azure (its v1 endpoint), OpenRouter, Ollama, vLLM, llama.cpp, LM Studio.
//
// It asks for a reply of a fixed form ([verdictSchema]). A server that does not take
// this (a 400 that names it) is asked for any JSON object, and one that does not
// take that either for text; in the same way max_tokens becomes
// max_completion_tokens. What was learnt holds for the provider's life.
type OpenAI struct {
	endpoint   *endpoint
	format     atomic.Int32 // a replyFormat
	completion atomic.Bool  // max_completion_tokens instead of max_tokens
}

// replyFormat is what the server is asked to hold the reply to.
type replyFormat = int32

const (
	formatSchema replyFormat = iota
	formatObject
	formatNone
)

// verdictSchema is the form of a reply, in the strict subset of JSON Schema that
// structured outputs take: all is required, and nothing else may stand there. The
// reasons come first, so that the verdict follows from them.
const verdictSchema = `{"type":"object","properties":{` +
	`"reasoning_steps":{"type":"array","items":{"type":"string"}},` +
	`"indicators":{"type":"array","items":{"type":"string"}},` +
	`"rationale":{"type":"string"},` +
	`"confidence":{"type":"number","description":"from 0 to 1"},` +
	`"detected":{"type":"boolean"}},` +
	`"required":["reasoning_steps","indicators","rationale","confidence","detected"],"additionalProperties":false}`

// NewOpenAI returns a provider for the server at the base URL, to which
// /chat/completions is added; the default is https://api.openai.com/v1. The key goes
// as a bearer token. An error is an [*Error].
func NewOpenAI(o HTTPOptions) (*OpenAI, error) {
	if o.BaseURL == "" {
		o.BaseURL = "https://api.openai.com/v1"
	}
	e, err := newEndpoint(o, "/chat/completions", "Authorization", "Bearer ")
	if err != nil {
		return nil, err
	}
	return &OpenAI{endpoint: e}, nil
}

// Close closes connections that wait for another call.
func (o *OpenAI) Close() error { return o.endpoint.close() }

// chatRequest is the body of a call.
type chatRequest struct {
	Model               string          `json:"model"`
	Messages            []chatMessage   `json:"messages"`
	Temperature         *float64        `json:"temperature,omitempty"`
	MaxTokens           *int            `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int            `json:"max_completion_tokens,omitempty"`
	Seed                *int64          `json:"seed,omitempty"`
	ResponseFormat      json.RawMessage `json:"response_format,omitempty"`
}

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// newChatRequest says a request in the protocol's words.
func newChatRequest(r Request, format replyFormat, completion bool) chatRequest {
	c := chatRequest{Model: r.Model, Temperature: r.Temperature, Seed: r.Seed}
	if r.Prompt != "" {
		c.Messages = append(c.Messages, chatMessage{"system", r.Prompt})
	}
	c.Messages = append(c.Messages, chatMessage{"user", r.user()})
	if completion {
		c.MaxCompletionTokens = r.MaxTokens
	} else {
		c.MaxTokens = r.MaxTokens
	}
	switch format {
	case formatSchema:
		c.ResponseFormat = json.RawMessage(`{"type":"json_schema","json_schema":{"name":"verdict","strict":true,"schema":` + verdictSchema + `}}`)
	case formatObject:
		c.ResponseFormat = json.RawMessage(`{"type":"json_object"}`)
	}
	return c
}

// Identity returns what decides the answer: the address and the call's body as it is
// tried first.
func (o *OpenAI) Identity(r Request) []byte {
	return identity(struct {
		Provider string      `json:"provider"`
		BaseURL  string      `json:"base_url"`
		Body     chatRequest `json:"body"`
	}{"openai", o.endpoint.base, newChatRequest(r, formatSchema, false)})
}

// Answer asks once; again only, and at once, for what the server has said that it
// does not take.
func (o *OpenAI) Answer(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := withLimit(ctx, o.endpoint.timeout)
	defer cancel()
	for {
		format, completion := o.format.Load(), o.completion.Load()
		body, err := json.Marshal(newChatRequest(r, format, completion))
		if err != nil {
			return Answer{}, &Error{Kind: Fatal, Message: "the request cannot be written as JSON: " + err.Error()}
		}
		resp, err := o.endpoint.post(ctx, body)
		if err != nil {
			return Answer{}, err
		}
		if resp.status == 400 && o.stepDown(resp, r, format, completion) {
			continue
		}
		return resp.chatAnswer()
	}
}

// stepDown learns from a 400 what the server does not take, and reports whether
// there is another way to ask.
func (o *OpenAI) stepDown(resp *response, r Request, format replyFormat, completion bool) bool {
	c, _ := parseComplaint(resp.body)
	switch {
	case r.MaxTokens != nil && !completion && c.names("max_completion_tokens"):
		o.completion.Store(true)
		return true
	case format < formatNone && c.names("response_format", "json_schema", "json_object"):
		o.format.CompareAndSwap(format, format+1) // another call may have learnt it first
		return true
	}
	return false
}

// chatReply is the body of an answer.
type chatReply struct {
	Error   json.RawMessage `json:"error"`
	Model   string          `json:"model"`
	Choices []struct {
		Message struct {
			Content          prose  `json:"content"`
			Refusal          string `json:"refusal"`
			Reasoning        string `json:"reasoning"`
			ReasoningContent string `json:"reasoning_content"`
		} `json:"message"`
		FinishReason string          `json:"finish_reason"`
		Error        json.RawMessage `json:"error"` // OpenRouter
	} `json:"choices"`
	Usage struct {
		PromptTokens     tokens `json:"prompt_tokens"`
		CompletionTokens tokens `json:"completion_tokens"`
	} `json:"usage"`
}

// chatAnswer reads a response.
func (r *response) chatAnswer() (Answer, error) {
	if r.status/100 != 2 {
		return r.refused(r.body)
	}
	var reply chatReply
	if decode(r.body, &reply) != nil {
		return Answer{}, r.unreadable()
	}
	if isThere(reply.Error) {
		return r.refused(r.body)
	}
	if len(reply.Choices) == 0 {
		return Answer{}, r.unreadable()
	}
	c := reply.Choices[0]
	if isThere(c.Error) {
		return r.refused(c.Error)
	}
	a := r.answer(Complete)
	switch c.FinishReason {
	case "length", "max_tokens", "model_length", "model_context_window_exceeded":
		a.Finish = Truncated
	case "content_filter", "sensitive":
		a.Finish = Filtered
	case "error", "network_error", "insufficient_system_resource": // OpenRouter, z.ai, DeepSeek
		return Answer{}, r.error(Temporary, "the model broke off: "+c.FinishReason)
	}
	a.Text, a.Model = c.Message.Content.text, reply.Model
	a.InputTokens, a.OutputTokens = reply.Usage.PromptTokens.n, reply.Usage.CompletionTokens.n
	for _, reasoning := range []string{c.Message.Reasoning, c.Message.ReasoningContent, c.Message.Content.thinking} {
		if a.Reasoning == "" {
			a.Reasoning = reasoning
		}
	}
	if c.Message.Refusal != "" {
		a.Finish = Refused
		if a.Text == "" {
			a.Text = c.Message.Refusal
		}
	}
	return a, nil
}
