package provider

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestErrorsByStatusAndBody(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   Kind
		code   string
		says   string
	}{
		"bad key":                   {401, `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, Fatal, "invalid_api_key", "api_key_env"},
		"bad key, anthropic":        {401, `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`, Fatal, "authentication_error", "api_key_env"},
		"no permission":             {403, `{"error":{"message":"not for you"}}`, Fatal, "", "not for you"},
		"no credits":                {402, `{"error":{"message":"Insufficient credits","code":402}}`, Fatal, "", "add credits"},
		"quota, old word":           {429, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`, Fatal, "insufficient_quota", "add credits"},
		"quota, type alone":         {429, `{"error":{"message":"spent","type":"insufficient_quota","code":"some_new_code"}}`, Fatal, "some_new_code", "add credits"},
		"quota, new word":           {429, `{"error":{"message":"spent","type":"insufficient_quota","code":"project_spend_limit_exceeded"}}`, Fatal, "project_spend_limit_exceeded", "add credits"},
		"spend limit, anthropic":    {429, `{"type":"error","error":{"type":"rate_limit_error","message":"tier cap","details":{"error_code":"enforced_spend_limit_reached"}}}`, Fatal, "enforced_spend_limit_reached", "add credits"},
		"credit balance, anthropic": {400, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}`, Fatal, "invalid_request_error", "add credits"},
		"own limit, anthropic":      {400, `{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}`, Fatal, "invalid_request_error", "add credits"},
		"no such model":             {404, `{"error":{"message":"The model gpt-9 does not exist","type":"invalid_request_error","code":"model_not_found"}}`, Fatal, "model_not_found", "model_name"},
		"no such model, ollama":     {404, `{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`, Fatal, "api_error", "pulling"},
		"no such model, openrouter": {400, `{"error":{"message":"x/y is not a valid model ID","code":400}}`, Fatal, "", "model_name"},
		"no such model, vllm":       {404, `{"object":"error","message":"The model x does not exist.","type":"NotFoundError","param":null,"code":404}`, Fatal, "NotFoundError", "does not exist"},
		"unknown parameter":         {400, `{"error":{"message":"Unsupported value: 'temperature'","param":"temperature","code":"unsupported_value"}}`, Fatal, "unsupported_value", "take the parameter out"},
		"wrong path, text":          {404, "404 page not found\n", Fatal, "", "base_url"},
		"wrong path, page":          {404, "<!DOCTYPE html><title>Oops</title>", Fatal, "", "a web page; check base_url"},
		"method not allowed":        {405, ``, Fatal, "", "no reason given; check base_url"},
		"page with 400":             {400, "<html>The plain HTTP request was sent to HTTPS port</html>", Fatal, "", "base_url"},
		"page with 403":             {403, "<html>blocked</html>", Fatal, "", "base_url"},
		"page with 413":             {413, "<html>too large</html>", Unanswerable, "", "a web page"},
		"page with 502":             {502, "\n <html>bad gateway</html>", Temporary, "", "a web page"},
		"bad request":               {400, `{"error":{"message":"bad","type":"invalid_request_error","code":null}}`, Unanswerable, "invalid_request_error", "bad"},
		"too long":                  {400, `{"error":{"message":"maximum context length is 8192 tokens","code":"context_length_exceeded"}}`, Unanswerable, "context_length_exceeded", "8192"},
		"too long, llama.cpp":       {500, `{"error":{"code":500,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":256}}`, Unanswerable, "exceed_context_size_error", "context size"},
		"too long, older llama.cpp": {500, `{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}`, Unanswerable, "server_error", "exceeded"},
		"validation, fastapi":       {422, `{"detail":[{"loc":["body","model"],"msg":"field required"}]}`, Unanswerable, "", "field required"},
		"text error, lm studio":     {400, `{"error":"Model unloaded"}`, Unanswerable, "", "Model unloaded"},
		"list, google":              {400, `[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]`, Unanswerable, "INVALID_ARGUMENT", "not valid"},
		"timeout of the server":     {408, ``, Temporary, "", "408 Request Timeout"},
		"conflict":                  {409, `{"error":{"message":"again"}}`, Temporary, "", "again"},
		"too many":                  {429, `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`, Throttled, "rate_limit_exceeded", "slow down"},
		"too many, in numbers":      {429, `{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"upstream is busy"}}}`, Throttled, "", "upstream is busy"},
		"server error":              {500, `{"error":{"message":"oops","type":"server_error"}}`, Temporary, "server_error", "oops"},
		"loading, llama.cpp":        {503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, Temporary, "unavailable_error", "Loading"},
		"gateway timeout, no body":  {504, ``, Temporary, "", "no reason given"},
		"overloaded, anthropic":     {529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, Throttled, "overloaded_error", "529: Overloaded"},
		"message is an object":      {400, `{"object":"error","message":{"detail":[{"msg":"bad role"}]}}`, Unanswerable, "", "bad role"},
		"broken json":               {400, `{"error":`, Unanswerable, "", `{"error":`},
		"control characters":        {400, "{\"error\":{\"message\":\"a\\u001b[31mred\\nline\"}}", Unanswerable, "", "a [31mred line"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, saying(tc.status, tc.body), func(t *testing.T, p asker, f *fake) {
				failed := mustFail(t, p, question, tc.kind, tc.says)
				if failed.Status != tc.status || failed.Code != tc.code || string(failed.Raw) != tc.body {
					t.Errorf("status %d, code %q, raw %q; want %d, %q, %q", failed.Status, failed.Code, failed.Raw, tc.status, tc.code, tc.body)
				}
				calls := f.calls()
				unformed := len(calls) == 2 && !strings.Contains(calls[1], "response_format") // the first call may be refused for it
				if len(calls) != 1 && !unformed {
					t.Errorf("asked %d times, want once", len(calls))
				}
			})
		})
	}
}

func TestFilteredQuestionsAreAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
	}{
		"azure":      {400, `{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`},
		"azure, old": {400, `{"error":{"message":"filtered","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`},
		"openai":     {400, `{"error":{"message":"Invalid prompt: flagged","type":"invalid_request_error","code":"invalid_prompt"}}`},
		"openrouter": {403, `{"error":{"code":403,"message":"Input flagged","metadata":{"reasons":["violence"],"flagged_input":"He hit"}}}`},
		"inside 200": {200, `{"error":{"code":403,"message":"Input flagged","metadata":{"reasons":["violence"]}},"type":"error"}`},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, saying(tc.status, tc.body), func(t *testing.T, p asker, _ *fake) {
				a := mustAnswer(t, p, question)
				if a.Finish != Filtered || a.Text != "" || string(a.Raw) != tc.body || a.Status != tc.status {
					t.Errorf("got %+v", a)
				}
			})
		})
	}
}

func TestErrorsInsideASuccess(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		kind Kind
		says string
	}{
		"numeric code":     {`{"error":{"code":502,"message":"no provider"}}`, Temporary, "no provider"},
		"numeric throttle": {`{"error":{"code":429,"message":"busy"}}`, Throttled, "busy"},
		"numeric fatal":    {`{"error":{"code":401,"message":"who are you"}}`, Fatal, "api_key_env"},
		"code as text":     {`{"error":{"code":"429","message":"busy"}}`, Throttled, "busy"},
		"word":             {`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, Throttled, "Overloaded"},
		"unknown word":     {`{"error":{"type":"strange","message":"hm"}}`, Temporary, "hm"},
		"text":             {`{"error":"it broke"}`, Temporary, "it broke"},
		"page":             {`<html>Sign in to the Wi-Fi</html>`, Fatal, "a web page instead of an answer; check base_url"},
		"text instead":     {`hello`, Temporary, "not what the protocol says: hello"},
		"malformed":        {`{"choices":[{"mess`, Temporary, "not what the protocol says"},
		"nothing":          {``, Temporary, "not what the protocol says"},
		"another JSON":     {`{"status":"ok"}`, Temporary, "not what the protocol says"},
		"a list":           {`[1,2]`, Temporary, "not what the protocol says"},
		"null":             {`null`, Temporary, "not what the protocol says"},
	} {
		t.Run(name, func(t *testing.T) {
			body := tc.body
			t.Run("openai", func(t *testing.T) {
				failed := mustFail(t, openAt(t, newFake(t, saying(200, body)).URL), question, tc.kind, tc.says)
				if failed.Status != 200 || string(failed.Raw) != body {
					t.Errorf("status %d, raw %q", failed.Status, failed.Raw)
				}
			})
			t.Run("anthropic", func(t *testing.T) {
				if strings.HasPrefix(body, `{"error"`) {
					body = `{"type":"error",` + body[1:]
				}
				mustFail(t, anthropicAt(t, newFake(t, saying(200, body)).URL), question, tc.kind, tc.says)
			})
		})
	}
}

// FuzzResponses gives any body to both protocols as an answer and as an error.
func FuzzResponses(f *testing.F) {
	for _, body := range []string{
		chatYes, `{"error":{"message":"m","code":429,"metadata":{"raw":"r","reasons":["x"]}}}`, `[{"error":"x"}]`, `{"choices":[{"error":{}}]}`,
		`{"type":"message","content":[{"type":"thinking","thinking":[{"text":"a"}]}],"usage":{"input_tokens":1e99}}`, "<html>", "{", "\xff",
	} {
		f.Add(200, []byte(body))
		f.Add(400, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for name, read := range map[string]func(*response) (Answer, error){
			"openai": (*response).chatAnswer, "anthropic": (*response).messagesAnswer,
		} {
			a, err := read(&response{from: "http://a", status: 200 + (status&0x7fff)%400, header: http.Header{}, body: body})
			var failed *Error
			switch {
			case errors.As(err, &failed):
				if failed.Kind == "" || !utf8.ValidString(failed.Message) || strings.ContainsAny(failed.Message, "\n\x1b") {
					t.Errorf("%s: a %q error %q", name, failed.Kind, failed.Message)
				}
			case err != nil:
				t.Errorf("%s: an error of another type: %v", name, err)
			case a.Finish == "" || !utf8.ValidString(a.Text+a.Reasoning+a.Model):
				t.Errorf("%s: %+v", name, a)
			}
		}
	})
}
