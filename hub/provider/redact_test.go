package provider

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// encoders are ways in which a server may repeat a key.
var encoders = map[string]func(string) string{
	"raw":              func(s string) string { return s },
	"JSON":             func(s string) string { b, _ := json.Marshal(s); return string(b) },
	"JSON in JSON":     func(s string) string { b, _ := json.Marshal(s); c, _ := json.Marshal(string(b)); return string(c) },
	"JSON, all \\u":    allEscaped("\\u%04x"),
	"JSON, upper case": allEscaped("\\u%04X"),
	"PHP's JSON": func(s string) string {
		b, _ := json.Marshal(s)
		return strings.ReplaceAll(string(b), "/", `\/`)
	},
	"%q":                  func(s string) string { return fmt.Sprintf("%q", s) },
	"URL query":           url.QueryEscape,
	"URL path":            url.PathEscape,
	"URL, lower case":     func(s string) string { return otherCase(url.QueryEscape(s)) },
	"URL, everything":     percentEncoded,
	"HTML":                html.EscapeString,
	"base64":              func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 of a header":  func(s string) string { return base64.URLEncoding.EncodeToString([]byte("Bearer " + s)) },
	"base64, no padding":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"a header, repeated":  func(s string) string { return "Authorization: Bearer " + s },
	"percent in JSON":     func(s string) string { b, _ := json.Marshal(url.QueryEscape(s)); return string(b) },
	"HTML in JSON, plain": func(s string) string { return strings.ReplaceAll(html.EscapeString(s), `\`, `\\`) },
}

func allEscaped(verb string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, verb, r)
		}
		return b.String()
	}
}

func TestKeysAreRedactedInEveryEncoding(t *testing.T) {
	for _, key := range []string{"sk-abcdef0123456789", `p@ss/w+rd="<&>'\`, "a b%c?d#e&f", "kéy-中-0123", "tab\tand\x7f!"} {
		for name, encode := range encoders {
			text := encode(key)
			got := string(redact([]byte("before "+text+" after"), key))
			if strings.Contains(got, text) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || !strings.Contains(got, redacted) {
				t.Errorf("%s of %q: %q", name, key, got)
			}
		}
	}
}

func TestAnyKeyIsRedacted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[!-~ éü中]{7,40}`).Draw(t, "key")
		for name, encode := range encoders {
			text := encode(key)
			if got := string(redact([]byte(text), key)); strings.Contains(got, text) {
				t.Fatalf("%s: %q is in %q", name, text, got)
			}
		}
	})
}

func TestShortKeysAreLeftAlone(t *testing.T) {
	if got := string(redact([]byte("no answer"), "no")); got != "no answer" {
		t.Errorf("%q", got)
	}
}
