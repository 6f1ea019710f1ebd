package provider

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCommandAnswersOfManyForms(t *testing.T) {
	o := program("say", "__label__1 0.9")
	c := commandOf(t, o)
	if a := mustAnswer(t, c, question); a.Text != "__label__1 0.9" || string(a.Raw) != "__label__1 0.9" {
		t.Errorf("got %+v", a)
	}
	for said, want := range map[string]string{ // the text, or ! and the kind of the error
		"yes":                               "yes",
		"  yes \t":                          "yes",
		"":                                  "",
		`{"text":"yes"}`:                    "yes",
		`{"id":"n1","text":""}`:             "",
		`{"id":"n1","text":"{\"flag\":1}"}`: `{"flag":1}`,
		`{"detected":true,"id":"n1"}`:       `{"detected":true,"id":"n1"}`,
		`{"flag":true,"error":"none"}`:      `{"flag":true,"error":"none"}`,
		`{"text":7}`:                        `{"text":7}`,
		`{"id":null,"text":"yes"}`:          "yes",
		`{"id":"n2","text":"yes"}`:          "!temporary",
		`{"id":1,"text":"yes"}`:             "!temporary",
		`{"id":"","text":"yes"}`:            "!temporary",
		`{"id":"n1","error":"no model"}`:    "!unanswerable",
		`{"broken`:                          `{"broken`,
		`[1]`:                               `[1]`,
		"not \xff UTF-8":                    "not \uFFFD UTF-8",
		"__label__0 0.97":                   "__label__0 0.97",
		`{"id":"n1","text":"__label__1"}`:   "__label__1",
	} {
		a, err := c.read([]byte(said+"\r\n"), "n1")
		got := a.Text
		var failed *Error
		if errors.As(err, &failed) {
			got = "!" + string(failed.Kind)
		}
		if got != want {
			t.Errorf("%q became %q, want %q (%v)", said, got, want, err)
		}
		if err == nil && string(a.Raw) != strings.TrimSpace(said) {
			t.Errorf("%q was kept as %q", said, a.Raw)
		}
	}
}

func TestCommandIdentity(t *testing.T) {
	identityOf := func(r Request, change func(*CommandOptions)) string {
		o := program("echo")
		change(&o)
		return string(commandOf(t, o).Identity(r))
	}
	same := question
	same.NarrativeID, same.Repeat = "other", 3
	base := identityOf(question, func(*CommandOptions) {})
	if got := identityOf(same, func(o *CommandOptions) { o.Timeout = time.Hour }); got != base || !json.Valid([]byte(got)) {
		t.Errorf("%s differs from %s", got, base)
	}
	seen := map[string]bool{base: true}
	for _, change := range []func(*CommandOptions){
		func(o *CommandOptions) { o.Args = append(o.Args, "-v") },
		func(o *CommandOptions) { o.Mode = ModeOnce },
		func(o *CommandOptions) { o.Input = InputText },
	} {
		seen[identityOf(question, change)] = true
	}
	if len(seen) != 4 {
		t.Errorf("4 different commands have %d identities", len(seen))
	}
	prompted := question
	prompted.Prompt = "Else?"
	asText := func(o *CommandOptions) { o.Input = InputText }
	if identityOf(question, asText) != identityOf(prompted, asText) || identityOf(prompted, func(*CommandOptions) {}) == base {
		t.Error("the prompt counts where, and only where, the program reads it")
	}
	templated := question
	templated.Message = "In: " + question.Narrative
	if identityOf(question, asText) == identityOf(templated, asText) {
		t.Error("the template does not count, and the program reads it")
	}
}

func FuzzCommandReply(f *testing.F) {
	for _, s := range []string{"yes", `{"id":"n1","text":"x","input_tokens":3}`, `{"id":{}}`, "{\"text\":\"\xff\"}", `{"text":[{`, " "} {
		f.Add(s)
	}
	c := &Command{opts: CommandOptions{Args: []string{"p"}}}
	f.Fuzz(func(t *testing.T, printed string) {
		a, err := c.read([]byte(printed), "n1")
		if err == nil && strings.ToValidUTF8(a.Text, "") != a.Text {
			t.Errorf("%q became %q", printed, a.Text)
		}
		if err == nil && a.Finish != Complete {
			t.Errorf("%q has the finish %q", printed, a.Finish)
		}
	})
}
