package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
)

// OpenAI asks by the chat-completions protocol, which many servers speak: OpenAI,
// Azure (its v1 endpoint), OpenRouter, Ollama, vLLM, llama.cpp, LM Studio.
//
// It asks for a reply of a fixed form ([verdictSchema]), unless the options say otherwise.
// If a server refuses the first call, it is asked once more without the form; if it
// refuses a system message, with the system text before the user text; if it names
// max_completion_tokens, with that instead of max_tokens. What was learnt holds for the
// provider's life, and the first two are in its News.
type OpenAI struct {
	endpoint *endpoint
	first    dialect // as configured
	notes    notes

	mu     sync.Mutex
	learnt dialect
	proven bool // the server has answered
}

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
	first := dialect{format: cmp.Or(o.Format, FormatSchema)}
	return &OpenAI{endpoint: e, first: first, learnt: first}, nil
}

// News returns warnings: what the server did not take.
func (o *OpenAI) News() News { return News{Notes: o.notes.take()} }

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

// sentChat is a body as it is sent. Identities are older than the field stream, and it
// decides no answer.
type sentChat struct {
	chatRequest
	Stream bool `json:"stream"`
}

// newChatRequest says a request in the protocol's words.
func newChatRequest(r Request, d dialect) chatRequest {
	c := chatRequest{Model: r.Model, Temperature: r.Temperature, Seed: r.Seed}
	user := r.user()
	switch {
	case r.Prompt == "":
	case d.merged:
		user = r.Prompt + "\n\n" + user
	default:
		c.Messages = append(c.Messages, chatMessage{"system", r.Prompt})
	}
	c.Messages = append(c.Messages, chatMessage{"user", user})
	if d.completion {
		c.MaxCompletionTokens = r.MaxTokens
	} else {
		c.MaxTokens = r.MaxTokens
	}
	switch d.format {
	case FormatSchema:
		c.ResponseFormat = json.RawMessage(`{"type":"json_schema","json_schema":{"name":"verdict","strict":true,"schema":` + verdictSchema + `}}`)
	case FormatObject:
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
	}{"openai", o.endpoint.base, newChatRequest(r, o.first)})
}

// Answer asks once; again only, and at once, for what the server does not take.
func (o *OpenAI) Answer(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := withLimit(ctx, o.endpoint.timeout)
	defer cancel()
	d, proven := o.known()
	var guessed, refused *Error // before a guess, and the last refusal
	for {
		a, failed := o.ask(ctx, r, d)
		if failed == nil {
			o.learn(d, a, refused)
			return a, nil
		}
		next, named, ok := d.adapt(r, failed, proven)
		switch {
		case !ok && guessed != nil && failed.Kind == Unanswerable:
			return Answer{}, guessed // it was not for what was left out
		case !ok:
			return Answer{}, o.final(r, failed)
		case !named:
			guessed = failed
		}
		d, refused = next, failed
	}
}

// ask asks in one dialect.
func (o *OpenAI) ask(ctx context.Context, r Request, d dialect) (Answer, *Error) {
	body, err := json.Marshal(sentChat{chatRequest: newChatRequest(r, d)})
	if err != nil {
		return Answer{}, &Error{Kind: Fatal, Message: "the request cannot be written as JSON: " + err.Error()}
	}
	resp, err := o.endpoint.post(ctx, body)
	var a Answer
	if err == nil {
		a, err = o.endpoint.checked(resp.chatAnswer())
	}
	var failed *Error
	if errors.As(err, &failed) {
		return Answer{}, failed
	}
	return a, nil
}

// final is the error of a question that there is no other way to ask. A seed that a
// server does not take is asked for, so nothing is answered without it.
func (o *OpenAI) final(r Request, failed *Error) *Error {
	if slices.Contains(refusing, failed.refusal.status) && r.Seed != nil && failed.refusal.says(seedWord) {
		failed.Kind = Fatal
		failed.Message += "; the server does not take a seed: " + mendParameter
	}
	return failed
}

// known returns how the server is asked, and whether it has answered before.
func (o *OpenAI) known() (dialect, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.learnt, o.proven
}

// learn keeps the dialect in which a server has answered.
func (o *OpenAI) learn(d dialect, a Answer, refused *Error) {
	if a.Finish == Filtered {
		return // by a filter before the model, perhaps
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.learnt
	o.learnt, o.proven = d, true
	if refused == nil {
		return
	}
	if d.format != before.format {
		o.notes.add("format", o.endpoint.base+" does not take response_format "+string(o.first.format)+
			" ("+refused.refusal.said+"): asked without it from now on; set response_format: none")
	}
	if d.merged != before.merged {
		o.notes.add("system", o.endpoint.base+" does not take a system message ("+refused.refusal.said+
			"): the prompt goes before the narrative, in one message")
	}
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
			ToolCalls        []struct {
				Function calledFunction `json:"function"`
			} `json:"tool_calls"`
			FunctionCall calledFunction `json:"function_call"` // of older servers
		} `json:"message"`
		FinishReason string          `json:"finish_reason"`
		Error        json.RawMessage `json:"error"` // OpenRouter
	} `json:"choices"`
	Usage struct {
		PromptTokens     tokens `json:"prompt_tokens"`
		CompletionTokens tokens `json:"completion_tokens"`
	} `json:"usage"`
}

// calledFunction is a tool's call.
type calledFunction struct {
	Arguments json.RawMessage `json:"arguments"` // a text of JSON, or the object itself
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
	end := endingOf(c.FinishReason)
	if end.finish == "" {
		return Answer{}, r.error(Temporary, "the model broke off: "+excerpt(c.FinishReason))
	}
	a := r.answer(end.finish)
	m := c.Message
	a.Text, a.Model = m.Content.text, reply.Model
	a.InputTokens, a.OutputTokens = reply.Usage.PromptTokens.n, reply.Usage.CompletionTokens.n
	a.Reasoning = cmp.Or(m.Reasoning, m.ReasoningContent, m.Content.thinking)
	calls := word(m.FunctionCall.Arguments)
	for _, call := range m.ToolCalls {
		calls += word(call.Function.Arguments) + "\n"
	}
	if m.Refusal != "" {
		a.Finish, a.Text = Refused, cmp.Or(a.Text, m.Refusal)
	}
	a.instead(end, strings.TrimSpace(calls))
	return a, nil
}
