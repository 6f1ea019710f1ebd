package provider

import (
	"regexp"
	"strings"
)

// reasons why an answer ended, as servers name them, by their beginnings: there are
// many spellings, and some carry details behind the name.
var (
	cutReasons      = []string{"length", "max", "model_length", "model_context", "context", "token_limit", "truncat", "incomplete"}
	filterReasons   = []string{"content_filter", "contentfilter", "sensitive", "safety", "prohibited", "recitation", "block", "spii", "image_", "guardrail", "moderation", "filter"}
	refusalReasons  = []string{"refus"}
	brokenReasons   = []string{"error", "network_error", "insufficient_system_resource", "abort"} // OpenRouter, z.ai, DeepSeek, vLLM
	completeReason  = regexp.MustCompile(`^(?:stop|end_turn|eos|end|complete|completed|finished|done|tool_calls?|tool_use|function_call)(?:[^a-z]|$)`)
	toolReason      = regexp.MustCompile(`^(?:tool_calls?|tool_use|function_call)(?:[^a-z]|$)`)
	reasonSpellings = strings.NewReplacer("-", "_", " ", "_", "finish_reason_", "", "finishreason.", "")
)

// ending is how an answer ended.
type ending struct {
	finish Finish // empty: the model broke off, and there is no answer
	stop   bool   // the model stopped by itself
	tool   bool   // it called a tool
}

// endingOf reads a finish reason, in any case of letters. One that is missing says
// nothing against the answer.
func endingOf(reason string) ending {
	reason = reasonSpellings.Replace(strings.ToLower(strings.TrimSpace(reason)))
	begins := func(list []string) bool {
		for _, beginning := range list {
			if strings.HasPrefix(reason, beginning) {
				return true
			}
		}
		return false
	}
	switch {
	case reason == "":
		return ending{finish: Complete}
	case begins(cutReasons):
		return ending{finish: Truncated}
	case begins(filterReasons):
		return ending{finish: Filtered}
	case begins(refusalReasons):
		return ending{finish: Refused}
	case begins(brokenReasons):
		return ending{}
	case completeReason.MatchString(reason):
		return ending{Complete, reason == "stop", toolReason.MatchString(reason)}
	}
	return ending{finish: Unknown}
}

// instead puts what came beside an empty text in its place, if the way in which the
// answer ended allows that.
func (a *Answer) instead(end ending, toolCalls string) {
	switch {
	case a.Finish != Complete || strings.TrimSpace(a.Text) != "":
	case end.tool && toolCalls != "":
		a.Text, a.Finish = toolCalls, ToolCalled
	case end.stop && a.Reasoning != "":
		a.Finish = Reasoned
	}
}
