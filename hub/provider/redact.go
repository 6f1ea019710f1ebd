package provider

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const redacted = "***"

// redact removes a key from what a server sent. A server that repeats the request in
// its answer may encode the key on the way, so every encoding in which text travels in
// JSON, HTML, URLs and headers is removed too. A key of a few characters would be found
// in ordinary text and stays.
func redact(body []byte, key string) []byte {
	if len(key) < shortestSecret {
		return body
	}
	for _, form := range encodings(key) {
		body = bytes.ReplaceAll(body, []byte(form), []byte(redacted))
	}
	return body
}

// encodings returns the forms in which a key may be repeated, the longest first.
func encodings(key string) []string {
	var jsonText strings.Builder
	for _, r := range key {
		fmt.Fprintf(&jsonText, `\u%04x`, r)
	}
	forms := []string{
		key, escapedJSON(key), unescapedJSON(key), jsonText.String(),
		inner(strconv.Quote(key)), inner(strconv.QuoteToASCII(key)),
		url.QueryEscape(key), url.PathEscape(key), percentEncoded(key),
		html.EscapeString(key), escapedSlashes(escapedJSON(key)), escapedSlashes(unescapedJSON(key)),
	}
	for _, text := range []string{key, "Bearer " + key} {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			forms = append(forms, enc.EncodeToString([]byte(text)))
		}
	}
	for _, form := range forms { // hexadecimal digits come in both cases
		forms = append(forms, otherCase(form))
	}
	// What was encoded may be quoted once more, as when an error holds a JSON text.
	for _, form := range slices.Clone(forms) {
		forms = append(forms, inner(strconv.Quote(form)), escapedJSON(form), unescapedJSON(form))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(forms)
}

// inner returns a quoted text without its quotes.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// escapedJSON is JSON in which <, > and & are escaped.
func escapedJSON(key string) string {
	b, _ := json.Marshal(key) // a string cannot fail
	return inner(string(b))
}

// unescapedJSON is JSON in which <, > and & are not escaped.
func unescapedJSON(key string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(key) // a string cannot fail
	return inner(strings.TrimSuffix(b.String(), "\n"))
}

// escapedSlashes escapes slashes, as PHP and others do in JSON.
func escapedSlashes(text string) string { return strings.ReplaceAll(text, "/", `\/`) }

// percentEncoded encodes all that is not a letter or a digit.
func percentEncoded(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// otherCase changes the case of the hexadecimal digits behind % and \u.
func otherCase(form string) string {
	b := []byte(form)
	for i := range b {
		digits := 0
		switch {
		case b[i] == '%':
			digits = 2
		case b[i] == '\\' && i+1 < len(b) && b[i+1] == 'u':
			digits = 5
		}
		for j := i + 1; j <= i+digits && j < len(b); j++ {
			switch c := b[j]; {
			case c >= 'a' && c <= 'f':
				b[j] = c - 'a' + 'A'
			case c >= 'A' && c <= 'F':
				b[j] = c - 'A' + 'a'
			}
		}
	}
	return string(b)
}
