package hub

import (
	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/provider"
	"github.com/explog/explog/hub/reply"
)

// parse takes an answer apart. How it ended decides what of it counts.
func (p Plan) parse(f event.CallFinished) event.ResultParsed {
	r := event.ResultParsed{
		Call: f.Call, Attempt: f.Attempt, Experiment: f.Experiment, Narrative: f.Narrative, Repeat: f.Repeat, Parser: reply.Version,
	}
	var said reply.Reply
	var err error
	outcome := event.ResultUnparsed
	switch provider.Finish(f.Finish) {
	case provider.Filtered:
		r.Outcome, r.Problem = event.ResultFiltered, "a content filter held the question or the reply back"
		return r
	case provider.Refused:
		r.Outcome, r.Problem = event.ResultRefused, "the model declined"
		return r
	case provider.Truncated:
		outcome = event.ResultTruncated
		said, err = p.parser.ParseCut(f.Text)
	case provider.Unknown:
		said, err = p.parser.ParseStrict(f.Text)
	case provider.Reasoned:
		said, err = p.parser.ParseReasoning(f.Reasoning)
	case provider.ToolCalled:
		said, err = p.parser.ParseReasoning(f.Text)
	default:
		said, err = p.parser.Parse(f.Text)
	}
	switch {
	case err == nil:
		r.Outcome, r.Step, r.Flag = event.ResultOK, string(said.Step), &said.Flag
		r.Confidence, r.Indicators, r.Rationale, r.Reasoning = said.Confidence, said.Indicators, said.Rationale, said.ReasoningSteps
	case outcome == event.ResultTruncated:
		r.Outcome, r.Problem = outcome, "the reply ran into a limit of its length"
	default:
		r.Outcome, r.Problem = outcome, err.Error()
	}
	return r
}
