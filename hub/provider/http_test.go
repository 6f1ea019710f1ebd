package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestBrokenConnectionsAreTemporary(t *testing.T) {
	t.Run("cut before the answer", func(t *testing.T) {
		both(t, func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) }, func(t *testing.T, p asker, f *fake) {
			mustFail(t, p, question, Temporary, "EOF")
			if n := len(f.calls()); n != 1 {
				t.Errorf("asked %d times, want once", n)
			}
		})
	})
	t.Run("cut in the middle", func(t *testing.T) {
		lie := func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"choices":[`)
		}
		both(t, lie, func(t *testing.T, p asker, _ *fake) {
			failed := mustFail(t, p, question, Temporary, "unexpected EOF")
			if failed.Status != 200 || string(failed.Raw) != `{"choices":[` {
				t.Errorf("status %d, raw %q", failed.Status, failed.Raw)
			}
		})
	})
	t.Run("nobody there", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		mustFail(t, openAt(t, "http://"+l.Addr().String()), question, Temporary, "refused")
	})
}

func TestHangingServersAreGivenUp(t *testing.T) {
	release := make(chan struct{})
	hang := func(w http.ResponseWriter, _ int) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		<-release
	}
	f := newFake(t, hang)
	defer close(release)
	o, err := NewOpenAI(HTTPOptions{BaseURL: f.URL, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	failed := mustFail(t, o, question, Temporary, "no answer within 50ms")
	if errors.Is(failed, context.DeadlineExceeded) {
		t.Error("the provider's own limit looks like the caller's")
	}
}

func TestTheCallersEndIsTold(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, 1)
	f := newFake(t, func(http.ResponseWriter, int) {
		asked <- struct{}{}
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := openAt(t, f.URL).Answer(ctx, question)
	var failed *Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
}

func TestLargeBodies(t *testing.T) {
	text := strings.Repeat("x", 10<<20)
	whole, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": text}}}})
	if a := mustAnswer(t, openAt(t, newFake(t, saying(200, string(whole))).URL), question); a.Text != text || !bytes.Equal(a.Raw, whole) {
		t.Errorf("of 10 MiB came %d bytes", len(a.Text))
	}
	endless := func(w http.ResponseWriter, _ int) {
		for range 33 {
			_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
		}
	}
	failed := mustFail(t, openAt(t, newFake(t, endless).URL), question, Unanswerable, "more than 32 MiB")
	if len(failed.Raw) != mostRaw {
		t.Errorf("the error keeps %d bytes, want %d", len(failed.Raw), mostRaw)
	}
}

func TestRedirectsDoNotCarryTheKey(t *testing.T) {
	other := newFake(t, saying(200, `{}`))
	both(t, saying(307, "", "Location", other.URL+"/v1?secret=1"), func(t *testing.T, p asker, _ *fake) {
		failed := mustFail(t, p, question, Fatal, "(to "+other.URL+")")
		if strings.Contains(failed.Message, "secret") {
			t.Errorf("the message tells what stands in the address: %s", failed.Message)
		}
	})
	if n := len(other.calls()); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestTheKeyIsNeverTold(t *testing.T) {
	for _, status := range []int{200, 400, 401, 500} {
		body := `{"type":"message","stop_reason":"end_turn","model":"` + testKey + `","content":[{"type":"text","text":"` + testKey + `"}],` +
			`"choices":[{"message":{"content":"` + testKey + `","reasoning":"` + testKey + `"}}]}`
		if status != 200 {
			body = `{"error":{"message":"Incorrect key ` + testKey + `","code":"` + testKey + `"}}`
		}
		both(t, saying(status, body), func(t *testing.T, p asker, f *fake) {
			a, err := p.Answer(t.Context(), question)
			told, _ := json.Marshal([]any{a, err})
			told = append(told, a.Raw...)
			var failed *Error
			if errors.As(err, &failed) {
				told = append(append(told, failed.Raw...), failed.Message...)
			}
			told = append(told, p.Identity(question)...)
			if bytes.Contains(told, []byte(testKey)) {
				t.Errorf("the key is in %s", told)
			}
			if !bytes.Contains(told, []byte("***")) {
				t.Errorf("nothing was struck out of %s", told)
			}
			h := f.heard[0].Header
			if h.Get("Authorization") != "Bearer "+testKey && h.Get("X-Api-Key") != testKey {
				t.Errorf("the server did not get the key: %v", h)
			}
		})
	}
}

func TestAStandInForAKeyIsLeftInAnswers(t *testing.T) {
	f := newFake(t, saying(200, `{"choices":[{"message":{"content":"EMPTY"}}]}`))
	o, err := NewOpenAI(HTTPOptions{BaseURL: f.URL, Key: "EMPTY"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if a := mustAnswer(t, o, question); a.Text != "EMPTY" {
		t.Errorf("got %q", a.Text)
	}
}

func TestWithoutAKeyNoneIsSent(t *testing.T) {
	f := newFake(t, saying(200, `{"choices":[{"message":{"content":"x"}}]}`))
	o, err := NewOpenAI(HTTPOptions{BaseURL: f.URL, Key: " \n"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	mustAnswer(t, o, question)
	if got := f.heard[0].Header.Values("Authorization"); got != nil {
		t.Errorf("sent %q", got)
	}
}

func TestBaseURLs(t *testing.T) {
	for base, want := range map[string]string{
		"":                                      "",
		"https://x.openai.azure.com/openai/v1/": "https://x.openai.azure.com/openai/v1",
		" http://LOCALHOST:11434/v1 ":           "http://localhost:11434/v1",
		"http://[::1]:8080":                     "http://[::1]:8080",
		"localhost:11434/v1":                    "must begin with http",
		"ftp://host/v1":                         "must begin with http",
		"/v1":                                   "must begin with http",
		"http:///v1":                            "names no host",
		"https://user:hunter2@host/v1":          "must not hold a user",
		"https://host/v1?api-version=1":         "must end before ?",
		"https://host/v1#x":                     "must end before ?",
		"https://host/v1/chat/completions":      "must leave off /chat/completions",
		"http://ho st/":                         "is not a URL",
	} {
		o, err := NewOpenAI(HTTPOptions{BaseURL: base, Key: testKey})
		var failed *Error
		switch {
		case errors.As(err, &failed):
			if failed.Kind != Fatal || !strings.Contains(failed.Message, want) || want == "" || strings.Contains(failed.Message, "hunter2") {
				t.Errorf("%q: %v", base, err)
			}
		case want == "":
			if o.endpoint.base != "https://api.openai.com/v1" {
				t.Errorf("the default is %q", o.endpoint.base)
			}
		case o.endpoint.base != want:
			t.Errorf("%q became %q, want %q", base, o.endpoint.base, want)
		}
		if o != nil {
			o.Close()
		}
	}
	for _, base := range []string{"", "https://api.anthropic.com", "https://api.anthropic.com/", "https://api.anthropic.com/v1/"} {
		a, err := NewAnthropic(HTTPOptions{BaseURL: base})
		if err != nil || a.endpoint.base+a.endpoint.path != "https://api.anthropic.com/v1/messages" {
			t.Errorf("%q: %v, %v", base, a, err)
		}
		a.Close()
	}
}

func TestKeysThatNoHeaderCanCarry(t *testing.T) {
	for _, key := range []string{"sk-a\nb", "sk a", "sk-ä"} {
		_, err := NewAnthropic(HTTPOptions{Key: key})
		var failed *Error
		if !errors.As(err, &failed) || failed.Kind != Fatal || strings.Contains(failed.Message, "sk") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestServersThatCannotBeTrustedAreFatal(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it notes that it is not trusted
	secure.StartTLS()
	defer secure.Close()
	mustFail(t, openAt(t, secure.URL), question, Fatal, "cannot be trusted")
	plain := newFake(t, saying(200, `{}`))
	mustFail(t, openAt(t, strings.Replace(plain.URL, "http:", "https:", 1)), question, Fatal, "begin base_url with http://")
	mustFail(t, openAt(t, "http://no-such-host.invalid"), question, Fatal, "correct base_url")
}

func TestAGivenClientIsUsed(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"trusted"}}]}`)
	}))
	defer secure.Close()
	o, err := NewOpenAI(HTTPOptions{BaseURL: secure.URL, Client: secure.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if a := mustAnswer(t, o, question); a.Text != "trusted" {
		t.Errorf("got %q", a.Text)
	}
	if secure.Client().CheckRedirect != nil {
		t.Error("the client that was handed in was changed")
	}
}
