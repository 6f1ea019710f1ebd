package provider

import (
	"net/http"
	"regexp"
	"slices"
)

// dialect is how a server is asked: what it has said that it does not take is left out.
type dialect struct {
	format     Format
	completion bool // max_completion_tokens instead of max_tokens
	merged     bool // the system text before the user text, in one message
}

// Format is what a server is asked to hold a reply to.
type Format string

// The formats.
const (
	FormatSchema Format = "schema" // the fields of a reply, see [verdictSchema]
	FormatObject Format = "object" // any JSON object
	FormatNone   Format = "none"   // response_format is not sent
)

// refusal is a server's error that another way to ask may escape.
type refusal struct {
	complaint
	status int    // of HTTP, or the one that an error inside a success stands for; 0: it is no refusal
	said   string // for people
}

// refusing are the statuses with which servers refuse what they do not know.
var refusing = []int{
	http.StatusBadRequest, http.StatusNotFound, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusNotImplemented,
}

var (
	formatWords = regexp.MustCompile(`(?i)response.?format|json.?(?:schema|object|mode|validate)|schema|structured.?output`)
	systemWords = regexp.MustCompile(`(?i)system.?(?:role|message|prompt|instruction)|developer instruction|roles must alternate|only user and assistant`)
	seedWord    = regexp.MustCompile(`(?i)\bseed\b`)
	// otherWords are of refusals that have nothing to do with the form.
	otherWords = regexp.MustCompile(`(?i)\b(?:max_tokens|temperature|top_p)\b|context (?:length|size|window)|model.*(?:not found|not exist|unloaded)|api key`)
)

// says reports whether the server's words match.
func (r refusal) says(words *regexp.Regexp) bool {
	return words.MatchString(r.message) || words.MatchString(r.param) || slices.ContainsFunc(r.codes, words.MatchString)
}

// adapt returns another way to ask, after a server's error; ok: there is one. named: the
// server named what it does not take.
func (d dialect) adapt(r Request, failed *Error, proven bool) (next dialect, named, ok bool) {
	no := failed.refusal
	refused := slices.Contains(refusing, no.status)
	broken := no.status == http.StatusInternalServerError
	lasting := no.reason(no.status) != reasonOfStatus(no.status) // a spent quota, a model that is not there
	formatted := d.format != FormatNone
	switch {
	case !refused && !broken:
		return d, false, false
	case refused && r.MaxTokens != nil && !d.completion && no.names("max_completion_tokens"):
		d.completion = true
		return d, true, true
	case lasting && !no.says(formatWords):
		return d, false, false
	case r.Prompt != "" && !d.merged && no.says(systemWords):
		d.merged = true
		return d, true, true
	case r.Seed != nil && no.says(seedWord), no.says(otherWords):
		return d, false, false
	case formatted && no.says(formatWords):
		d.format = FormatNone
		return d, true, true
	case formatted && refused && !proven:
		d.format = FormatNone
		return d, false, true
	}
	return d, false, false
}
