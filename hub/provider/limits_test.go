package provider

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfterInFull(t *testing.T) {
	date := time.Date(2026, 4, 7, 9, 30, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		header []string
		want   time.Duration
	}{
		"none":             {nil, 0},
		"seconds":          {[]string{"Retry-After", "7"}, 7 * time.Second},
		"long":             {[]string{"Retry-After", "3600"}, time.Hour},
		"fraction":         {[]string{"Retry-After", "1.5"}, 1500 * time.Millisecond},
		"date":             {[]string{"Date", date.Format(http.TimeFormat), "Retry-After", date.Add(90 * time.Second).Format(http.TimeFormat)}, 90 * time.Second},
		"date in the past": {[]string{"Date", date.Format(http.TimeFormat), "Retry-After", date.Add(-time.Hour).Format(http.TimeFormat)}, 0},
		"milliseconds win": {[]string{"Retry-After", "1", "Retry-After-Ms", "250"}, 250 * time.Millisecond},
		"negative":         {[]string{"Retry-After", "-3"}, 0},
		"beyond all":       {[]string{"Retry-After", "1e300"}, 1<<63 - 1},
		"nonsense":         {[]string{"Retry-After", "soon"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, saying(429, `{"error":{"message":"busy"}}`, tc.header...), func(t *testing.T, p asker, _ *fake) {
				failed := mustFail(t, p, question, Throttled, "busy")
				if failed.RetryAfter != tc.want {
					t.Errorf("got %v, want %v", failed.RetryAfter, tc.want)
				}
			})
		})
	}
}

func TestPace(t *testing.T) {
	date := time.Date(2026, 4, 7, 9, 30, 0, 0, time.UTC)
	at := func(pairs ...string) http.Header {
		h := http.Header{"Date": {date.Format(http.TimeFormat)}}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for name, tc := range map[string]struct {
		header http.Header
		want   Pace
	}{
		"nothing": {at(), Pace{}},
		"openai": {
			at("x-ratelimit-limit-requests", "5000", "x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "12ms",
				"x-ratelimit-limit-tokens", "160000", "x-ratelimit-remaining-tokens", "159976", "x-ratelimit-reset-tokens", "6m0s"),
			Pace{Window{true, 5000, 0, 12 * time.Millisecond}, Window{true, 160000, 159976, 6 * time.Minute}},
		},
		"azure, seconds and unknown": {
			at("x-ratelimit-remaining-requests", "9", "x-ratelimit-reset-requests", "10", "x-ratelimit-limit-tokens", "-1", "x-ratelimit-remaining-tokens", "-1"),
			Pace{Requests: Window{true, 0, 9, 10 * time.Second}},
		},
		"openrouter, epoch in ms": {
			at("X-RateLimit-Limit", "20", "X-RateLimit-Remaining", "3", "X-RateLimit-Reset", "1775554230000"),
			Pace{Requests: Window{true, 20, 3, 30 * time.Second}},
		},
		"epoch in seconds": {
			at("X-RateLimit-Remaining", "3", "X-RateLimit-Reset", "1775554205"),
			Pace{Requests: Window{true, 0, 3, 5 * time.Second}},
		},
		"anthropic": {
			at("anthropic-ratelimit-requests-limit", "50", "anthropic-ratelimit-requests-remaining", "49", "anthropic-ratelimit-requests-reset", "2026-04-07T09:30:02Z",
				"anthropic-ratelimit-tokens-limit", "40000", "anthropic-ratelimit-tokens-remaining", "39000", "anthropic-ratelimit-tokens-reset", "2026-04-07T09:29:00Z"),
			Pace{Window{true, 50, 49, 2 * time.Second}, Window{true, 40000, 39000, 0}},
		},
		"nonsense": {at("x-ratelimit-remaining-requests", "many", "x-ratelimit-reset-requests", "later"), Pace{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := pace(tc.header); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
