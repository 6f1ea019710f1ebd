package provider

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

const testKey = "sk-secret-0123456789"

// fake is a server that notes what it is asked.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	heard  []*http.Request
	bodies []string
}

// newFake returns a server that answers with the n-th (from 0) of its calls.
func newFake(t *testing.T, answer func(w http.ResponseWriter, n int)) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		n := len(f.heard)
		f.heard, f.bodies = append(f.heard, r), append(f.bodies, string(body))
		f.mu.Unlock()
		answer(w, n)
	}))
	t.Cleanup(f.Close)
	return f
}

// calls returns the bodies of the calls so far.
func (f *fake) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bodies
}

// saying answers always the same.
func saying(status int, body string, header ...string) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, _ int) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// openAt and anthropicAt return a provider for a server.
func openAt(t *testing.T, url string) *OpenAI {
	t.Helper()
	o, err := NewOpenAI(HTTPOptions{BaseURL: url + "/v1", Key: testKey, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func anthropicAt(t *testing.T, url string) *Anthropic {
	t.Helper()
	a, err := NewAnthropic(HTTPOptions{BaseURL: url, Key: testKey, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// both runs a test against both protocols.
func both(t *testing.T, answer func(http.ResponseWriter, int), test func(t *testing.T, p asker, f *fake)) {
	t.Run("openai", func(t *testing.T) {
		f := newFake(t, answer)
		test(t, openAt(t, f.URL), f)
	})
	t.Run("anthropic", func(t *testing.T) {
		f := newFake(t, answer)
		test(t, anthropicAt(t, f.URL), f)
	})
}
