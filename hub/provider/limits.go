package provider

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// serverTime returns when a response was made, by the server's own clock where it
// tells: its dates count from there.
func serverTime(h http.Header) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

// retryAfter returns how long a server wants to be left alone: Retry-After in
// seconds or as a date (RFC 9110, section 10.2.3), or retry-after-ms, which is
// finer and wins.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return times(ms, time.Millisecond)
	}
	value := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil {
		return times(s, time.Second)
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(0, t.Sub(serverTime(h)))
	}
	return 0
}

// pace reads the headers on rate limits: x-ratelimit-* as OpenAI and Azure have
// them, those without a subject as OpenRouter has them, and anthropic-ratelimit-*.
func pace(h http.Header) Pace {
	p := Pace{
		Requests: window(h, "X-Ratelimit-", "-Requests"),
		Tokens:   window(h, "X-Ratelimit-", "-Tokens"),
	}
	if !p.Requests.Known {
		p.Requests = window(h, "X-Ratelimit-", "")
	}
	if !p.Requests.Known {
		p.Requests = window(h, "Anthropic-Ratelimit-Requests-", "")
	}
	if !p.Tokens.Known {
		p.Tokens = window(h, "Anthropic-Ratelimit-Tokens-", "")
	}
	return p
}

// window reads the three headers on one limit. Azure says -1 for what it does not
// know.
func window(h http.Header, before, after string) Window {
	remaining, err := strconv.ParseInt(h.Get(before+"Remaining"+after), 10, 64)
	if err != nil || remaining < 0 {
		return Window{}
	}
	limit, _ := strconv.ParseInt(h.Get(before+"Limit"+after), 10, 64)
	return Window{Known: true, Limit: max(0, limit), Remaining: remaining, Reset: untilReset(h.Get(before+"Reset"+after), serverTime(h))}
}

// untilReset reads when a limit is full again: 6m0s, 7 (seconds), a Unix time in
// seconds or milliseconds, or a date-time of RFC 3339.
func untilReset(value string, now time.Time) time.Duration {
	const secondsOf2001, millisecondsOf2001 = 1e9, 1e12
	if d, err := time.ParseDuration(value); err == nil {
		return max(0, d)
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return max(0, t.Sub(now))
	}
	n, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil:
		return 0
	case n >= millisecondsOf2001:
		return times(n-float64(now.UnixMilli()), time.Millisecond)
	case n >= secondsOf2001:
		return times(n-float64(now.Unix()), time.Second)
	}
	return times(n, time.Second)
}

// times returns n units, within what a duration can hold and not below zero.
func times(n float64, unit time.Duration) time.Duration {
	d := n * float64(unit)
	switch {
	case !(d > 0): // NaN too
		return 0
	case d >= math.MaxInt64:
		return math.MaxInt64
	}
	return time.Duration(d)
}
