package provider

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// encodings are the ways in which a key may come back.
var encodings = map[string]func(string) string{
	"raw":  func(s string) string { return s },
	"JSON": func(s string) string { b, _ := json.Marshal(s); return string(b) },
	"JSON without HTML escapes": func(s string) string {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(s)
		return b.String()
	},
	"JSON, all escaped": func(s string) string { return each(s, `\u%04x`) },
	"JSON, upper case":  func(s string) string { return each(s, `\u%04X`) },
	"JSON, slashes":     func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
	"JSON in JSON": func(s string) string {
		a, _ := json.Marshal(s)
		b, _ := json.Marshal(string(a))
		return string(b)
	},
	"query":               url.QueryEscape,
	"path":                url.PathEscape,
	"query, twice":        func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"percent, all":        func(s string) string { return each(s, "%%%02x") },
	"quoted":              func(s string) string { return fmt.Sprintf("%q", s) },
	"quoted, hexadecimal": func(s string) string { return each(s, `\x%02x`) },
	"HTML":                html.EscapeString,
	"HTML, decimal":       func(s string) string { return each(s, "&#%03d;") },
	"HTML, hexadecimal":   func(s string) string { return each(s, "&#x%X;") },
	"HTML in JSON": func(s string) string {
		b, _ := json.Marshal(html.EscapeString(s))
		return string(b)
	},
	"base64":            func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64, unpadded":  func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64, URL":       func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64, raw URL":   func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base64 of header":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte("Bearer " + s)) },
	"base64 of login":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("me:" + s + "\n")) },
	"base64 in a query": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("x" + s))) },
}

func each(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

// awkwardKeys have characters that some encoding changes.
var awkwardKeys = []string{
	`sk-secret-0123456789`, `sk<&>"'/+=\%?#secret`, `"\"\\quoted"`, `%41%2Bsecret%`, `a\u0041secret\`, `&amp;secret&lt;`, `~~~~~~~`, `????>>>>????`,
}

func TestASecretIsRedactedInEachEncoding(t *testing.T) {
	for _, key := range awkwardKeys {
		r := newRedactor(key)
		for name, encode := range encodings {
			const before, after = "Incorrect key: ", "! Try again."
			got := r.string(before + encode(key) + after)
			if want := strings.Trim(strings.TrimSpace(got), `"`); !strings.HasPrefix(want, before) || !strings.HasSuffix(got, after) || !strings.Contains(got, redacted) {
				t.Errorf("%s, %s: %q became %q", key, name, encode(key), got)
			}
			if left := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(got, before), after), "\"\\\n "); left != redacted {
				t.Errorf("%s, %s: %q is left of %q", key, name, left, encode(key))
			}
		}
	}
}

func TestOtherTextIsNotRedacted(t *testing.T) {
	const text = `{"message":"sk-other \u003c %41 &lt; aGVsbG8gd29ybGQ= \\ \"","n":1}`
	if got := newRedactor("sk-secret-0123456789").string(text); got != text {
		t.Errorf("got %s", got)
	}
	if got := newRedactor("").string(text); got != text {
		t.Errorf("an empty secret: got %s", got)
	}
}

func TestRedactedTextHoldsNoSecret(t *testing.T) {
	names := make([]string, 0, len(encodings))
	for name := range encodings {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[!-~]{7,40}`).Draw(t, "key")
		encode := encodings[rapid.SampledFrom(names).Draw(t, "encoding")]
		before, after := rapid.StringMatching(`[ -~]{0,20} `).Draw(t, "before"), rapid.StringMatching(` [ -~]{0,20}`).Draw(t, "after")
		got := newRedactor(key).string(before + encode(key) + after)
		if strings.Contains(got, encode(key)) || strings.Contains(got, key) || !strings.Contains(got, redacted) {
			t.Fatalf("%q with %q became %q", key, encode(key), got)
		}
	})
}

func FuzzRedact(f *testing.F) {
	for _, key := range awkwardKeys {
		f.Add(key, encodings["JSON"](key))
	}
	f.Fuzz(func(t *testing.T, key, text string) {
		if len(key) < shortestSecret || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Skip("not a key that is sent")
		}
		got := newRedactor(key).string(text)
		for _, part := range strings.Split(got, redacted) {
			if strings.Contains(part, key) {
				t.Errorf("%q with %q became %q", key, text, got)
			}
		}
	})
}

// A server repeats the key in each encoding, in errors and in answers.
func TestAnEchoedKeyIsNeverTold(t *testing.T) {
	const key = `sk<&>"'/+=\%?#secret`
	for name, encode := range encodings {
		echo, _ := json.Marshal("Incorrect key " + encode(key))
		for _, status := range []int{200, 400, 401, 500} {
			body := `{"error":{"message":` + string(echo) + `}}`
			if status == 200 {
				body = `{"choices":[{"message":{"content":` + string(echo) + `}}]}`
			}
			f := newFake(t, saying(status, body))
			o, err := NewOpenAI(HTTPOptions{BaseURL: f.URL, Key: key, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			a, err := o.Answer(t.Context(), question)
			o.Close()
			told := fmt.Sprintf("%s %s %v", a.Text, a.Raw, err)
			var failed *Error
			if errors.As(err, &failed) {
				told += string(failed.Raw)
			}
			if strings.Contains(told, key) || strings.Contains(told, encode(key)) || strings.Contains(told, "secret") || !strings.Contains(told, redacted) {
				t.Errorf("%s, status %d: %s", name, status, told)
			}
		}
	}
}

// What is no HTTP at all is quoted by the client's own error.
func TestAKeyInABrokenResponseIsNotTold(t *testing.T) {
	const key = `sk<&>"'/+=\%?#secret`
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			fmt.Fprintf(conn, "HTTP/1.1 %s\r\n\r\n", key)
			conn.Close()
		}
	}()
	o, err := NewOpenAI(HTTPOptions{BaseURL: "http://" + l.Addr().String(), Key: key, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	_, err = o.Answer(t.Context(), question)
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), redacted) {
		t.Errorf("got %v", err)
	}
}
