package provider

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
)

// Kind says what an error means for further calls.
type Kind string

// The kinds of errors.
const (
	Temporary    Kind = "temporary"    // the same call may succeed later
	Throttled    Kind = "throttled"    // the same, and calls come too fast
	Fatal        Kind = "fatal"        // no call will succeed until somebody mends something
	Unanswerable Kind = "unanswerable" // this narrative cannot be answered; others can
)

// Error says why there is no answer.
type Error struct {
	Kind       Kind
	Status     int           // of HTTP; 0 where there is none
	Code       string        // the server's own word for the error, if it has one
	Message    string        // what was wrong, where, and what to do
	RetryAfter time.Duration // how long the server wants to be left alone; 0: not told
	Pace       Pace
	Raw        []byte // what came, at most its first 64 KiB
	cause      error

	refusal refusal // of a server that understood the question, but does not take it
	form    string  // of a success that is no answer; empty: it is none
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the context's error where its end is why there is no answer; a
// provider's own time limit is no such end.
func (e *Error) Unwrap() error { return e.cause }

const (
	defaultTimeout = time.Minute
	mostRaw        = 64 << 10 // bytes of an answer that an error keeps
	mostMessage    = 500      // bytes of what a server or program says that a message repeats
)

// errTooSlow is the cause of a context that a provider's own time limit ended.
var errTooSlow = errors.New("too slow")

// withLimit bounds one answer.
func withLimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, errTooSlow)
}

// ended returns why a context's end left no answer; nil if it has not ended.
func ended(ctx context.Context, limit time.Duration, where string) *Error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(context.Cause(ctx), errTooSlow):
		return &Error{Kind: Temporary, Message: where + ": no answer within " + limit.String()}
	}
	return &Error{Kind: Temporary, Message: where + ": " + ctx.Err().Error(), cause: ctx.Err()}
}

// head returns the part of an answer that an error keeps.
func head(raw []byte) []byte { return raw[:min(len(raw), mostRaw)] }

// excerpt makes text from outside fit for a message: one line, bounded, without
// control characters.
func excerpt(s string) string {
	if len(s) > mostMessage {
		s = strings.ToValidUTF8(s[:mostMessage], "") + "…"
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}
