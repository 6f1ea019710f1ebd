package provider

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// complaint is what a server says of why it gives no answer.
type complaint struct {
	message string
	codes   []string // its own words for it, the most telling first
	param   string   // the parameter that it does not like
	flagged bool     // by a moderation of the question
	status  int      // of HTTP, where the text names one; else 0
}

// complaintBody is what error bodies have in common: OpenAI, Azure, OpenRouter and
// Anthropic put an object under "error", LM Studio and Ollama a text, older vLLM
// has the object at the top, FastAPI says "detail".
type complaintBody struct {
	Error      json.RawMessage `json:"error"`
	Message    json.RawMessage `json:"message"`
	Detail     json.RawMessage `json:"detail"`
	Type       string          `json:"type"`
	Code       json.RawMessage `json:"code"` // a text or a number
	Param      string          `json:"param"`
	Status     json.RawMessage `json:"status"` // Google's word for the error, or HTTP's number
	InnerError struct {
		Code string `json:"code"`
	} `json:"innererror"` // Azure
	Details struct {
		ErrorCode string `json:"error_code"`
	} `json:"details"` // Anthropic
	Metadata struct {
		Raw     string   `json:"raw"`
		Reasons []string `json:"reasons"`
	} `json:"metadata"` // OpenRouter
}

// parseComplaint reads the body of an error; ok: it has a form that is known.
func parseComplaint(body []byte) (c complaint, ok bool) {
	body = bytes.TrimSpace(body)
	var list []json.RawMessage
	if decode(body, &list) == nil && len(list) > 0 { // Google wraps the object
		body = bytes.TrimSpace(list[0])
	}
	var b complaintBody
	if decode(body, &b) != nil || !bytes.HasPrefix(body, []byte("{")) {
		return complaint{}, false
	}
	if bytes.HasPrefix(b.Error, []byte("{")) {
		var inner complaintBody
		_ = decode(b.Error, &inner) // it is valid JSON and an object
		inner.Error, b = nil, inner
	}
	c = complaint{param: b.Param, flagged: len(b.Metadata.Reasons) > 0}
	for _, text := range []json.RawMessage{b.Message, b.Error, b.Detail} {
		if c.message == "" {
			c.message = word(text)
		}
	}
	if b.Metadata.Raw != "" {
		c.message += ": " + b.Metadata.Raw
	}
	for _, code := range []string{b.Details.ErrorCode, word(b.Code), b.Type, b.InnerError.Code, word(b.Status)} {
		n, err := strconv.Atoi(code)
		switch {
		case err == nil && n >= 400 && n <= 599:
			c.status = n
		case err != nil && code != "":
			c.codes = append(c.codes, code)
		}
	}
	return c, c.message != "" || c.codes != nil || c.status != 0
}

// code returns the one word that an error keeps.
func (c complaint) code() string {
	if len(c.codes) == 0 {
		return ""
	}
	return c.codes[0]
}

// names reports whether a server complains of a parameter.
func (c complaint) names(words ...string) bool {
	for _, w := range words {
		if strings.Contains(c.param, w) || strings.Contains(c.message, w) {
			return true
		}
	}
	return false
}

// What to do about an error.
const (
	mendKey       = "check the key in the variable that api_key_env names"
	mendQuota     = "the account has nothing left to spend: add credits or raise its limit, then run again"
	mendModel     = "correct model_name, or load the model on the server"
	mendAddress   = "check base_url (it usually ends in /v1) and model_name"
	mendParameter = "take the parameter out of the configuration"
)

// reason is what a word for an error means, whatever the status.
type reason struct {
	kind Kind
	mend string
}

// reasons: by error codes and types.
var reasons = map[string]reason{
	"insufficient_quota":                {Fatal, mendQuota},
	"credit_balance_exhausted":          {Fatal, mendQuota},
	"organization_spend_limit_exceeded": {Fatal, mendQuota},
	"project_spend_limit_exceeded":      {Fatal, mendQuota},
	"organization_usage_limit_exceeded": {Fatal, mendQuota},
	"enforced_spend_limit_reached":      {Fatal, mendQuota},
	"billing_hard_limit_reached":        {Fatal, mendQuota},
	"billing_not_active":                {Fatal, mendQuota},
	"billing_error":                     {Fatal, mendQuota},
	"invalid_api_key":                   {Fatal, mendKey},
	"model_not_found":                   {Fatal, mendModel},
	"model_decommissioned":              {Fatal, mendModel},
	"DeploymentNotFound":                {Fatal, mendModel},
	"unsupported_parameter":             {Fatal, mendParameter},
	"unsupported_value":                 {Fatal, mendParameter},
	"context_length_exceeded":           {Unanswerable, ""},
	"exceed_context_size_error":         {Unanswerable, ""},
	"request_too_large":                 {Unanswerable, ""},
}

// reasonTexts: by what the message says, where no code tells.
var reasonTexts = []struct {
	text string
	reason
}{
	{"credit balance is too low", reason{Fatal, mendQuota}},      // Anthropic, 400
	{"API usage limits", reason{Fatal, mendQuota}},               // Anthropic, 400
	{"is not a valid model", reason{Fatal, mendModel}},           // OpenRouter, 400
	{"Context size has been exceeded", reason{Unanswerable, ""}}, // llama.cpp, 500
}

// filters are the words for a question that a content filter held back.
var filters = map[string]bool{
	"content_filter": true, "ResponsibleAIPolicyViolation": true, "content_policy_violation": true, "invalid_prompt": true,
}

// statusOf is the status that a word for an error stands for, where the response's
// own is a success.
var statusOf = map[string]int{
	"invalid_request_error": 400, "authentication_error": 401, "permission_error": 403, "not_found_error": 404,
	"rate_limit_error": 429, "rate_limit_exceeded": 429, "overloaded_error": 529,
}

// statusBehind returns the status that an error inside a success stands for.
func (c complaint) statusBehind() int {
	if c.status != 0 {
		return c.status
	}
	for _, code := range c.codes {
		if s := statusOf[code]; s != 0 {
			return s
		}
	}
	return http.StatusInternalServerError
}

// isFiltered reports whether a content filter held the question back.
func (c complaint) isFiltered() bool {
	for _, code := range c.codes {
		if filters[code] {
			return true
		}
	}
	return c.flagged
}

// reason returns what an error means.
func (c complaint) reason(status int) reason {
	for _, code := range c.codes {
		if r, known := reasons[code]; known {
			return r
		}
	}
	for _, t := range reasonTexts {
		if strings.Contains(c.message, t.text) {
			return t.reason
		}
	}
	return reasonOfStatus(status)
}

func reasonOfStatus(status int) reason {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return reason{Fatal, mendKey}
	case http.StatusPaymentRequired:
		return reason{Fatal, mendQuota}
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return reason{Fatal, mendAddress}
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly:
		return reason{Temporary, ""}
	case http.StatusTooManyRequests, statusOverloaded:
		return reason{Throttled, ""}
	case http.StatusNotImplemented:
		return reason{Unanswerable, ""}
	}
	if status >= 500 {
		return reason{Temporary, ""}
	}
	return reason{Unanswerable, ""}
}

// statusOverloaded is what Anthropic and Bedrock answer when they have too much to do.
const statusOverloaded = 529

// refused turns a response that is no answer into what a provider returns: an error,
// or an answer of which a content filter left nothing. What it says of the reason is
// the body, or a part of it.
func (r *response) refused(said []byte) (Answer, error) {
	if r.status >= 300 && r.status < 400 {
		return Answer{}, r.error(Fatal, "the server sends elsewhere"+r.elsewhere()+", where the key is not sent; set base_url to the right address")
	}
	c, known := parseComplaint(said)
	if known && c.isFiltered() {
		return r.answer(Filtered), nil
	}
	status := r.status
	if status < 300 {
		status = c.statusBehind()
	}
	why, text := c.reason(status), cmp.Or(c.message, c.code(), "no reason given")
	switch {
	case !known && r.isPage():
		text = "a web page"
		if status < 500 && why.kind != Throttled && status != http.StatusRequestEntityTooLarge {
			why = reason{Fatal, mendAddress} // a model's server does not answer so
		}
	case !known && len(said) > 0:
		text = string(head(said))
	}
	text = excerpt(text)
	if why.mend != "" {
		text += "; " + why.mend
	}
	failed := r.error(why.kind, text)
	failed.Code = excerpt(c.code())
	if known || !r.isPage() && status != http.StatusNotFound {
		failed.refusal = refusal{complaint: c, status: status, said: text}
	}
	if r.status < 300 && c.status == 0 && len(c.codes) == 0 {
		failed.refusal.status = http.StatusBadRequest // an error without a code, inside a success
	}
	return Answer{}, failed
}

// elsewhere names the host of a redirect.
func (r *response) elsewhere() string {
	to, err := url.Parse(r.header.Get("Location"))
	if err != nil || to.Host == "" {
		return ""
	}
	return " (to " + to.Scheme + "://" + to.Host + ")"
}

// unreadable is the error of a success that holds no answer.
func (r *response) unreadable() *Error {
	if r.isPage() {
		return r.error(Fatal, "a web page instead of an answer; "+mendAddress)
	}
	failed := r.error(Temporary, "the response is not what the protocol says: "+excerpt(string(head(r.body))))
	failed.form = r.form()
	return failed
}

// form says what kind of body a response has that is no answer.
func (r *response) form() string {
	body := bytes.TrimSpace(r.body)
	var object map[string]json.RawMessage
	switch {
	case len(body) == 0:
		return "nothing"
	case decode(body, &object) == nil && object != nil:
		return "an object with " + strings.Join(slices.Sorted(maps.Keys(object)), ", ")
	case bytes.HasPrefix(body, []byte("data:")), bytes.HasPrefix(body, []byte("event:")):
		return "a stream of events"
	case body[0] == '{':
		return "a part of an object"
	}
	return "text"
}
