package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func replayOf(t *testing.T, text string) *Replay {
	t.Helper()
	p, err := ReadReplay(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReplayAnswersFromAFile(t *testing.T) {
	p := replayOf(t, "\ufeff"+`{"narrative_id":"n1","reply":"yes","outcome":"ok"}`+"\r\n\r\n"+
		`{"narrative_id":7,"raw_reply":"{\"detected\":false}"}`+"\n"+
		`{"narrative_id":"n1","reply":"no"}`+"\n"+
		`{"narrative_id":"n2","reply":null}`+"\n"+
		`{"narrative_id":"n3","reply":""}`)
	for id, want := range map[string]string{"n1": "yes", "7": `{"detected":false}`, "n3": ""} {
		if a := mustAnswer(t, p, Request{NarrativeID: id}); a.Text != want || a.Finish != Complete || len(a.Raw) == 0 {
			t.Errorf("%s: got %+v, want %q", id, a, want)
		}
	}
	if a := mustAnswer(t, p, Request{NarrativeID: "n1", Repeat: 1}); a.Text != "no" {
		t.Errorf("the second answer is %q", a.Text)
	}
	mustFail(t, p, Request{NarrativeID: "n1", Repeat: 2}, Unanswerable, "no recorded answer for narrative n1, repeat 2")
	mustFail(t, p, Request{NarrativeID: "n2"}, Unanswerable, "no recorded answer for narrative n2")
	mustFail(t, p, Request{NarrativeID: "n4"}, Unanswerable, "no recorded answer for narrative n4")
}

func TestReplayFilesAreRefusedWithTheirLines(t *testing.T) {
	text := strings.Join([]string{
		`{"narrative_id":"n1","reply":"yes"}`, `{"narrative_id":"n2","reply":`, `["n3"]`, `{"reply":"yes"}`,
		`{"narrative_id":{},"reply":"yes"}`, `{"narrative_id":"n4","reply":{"detected":true}}`, `{"narrative_id":true,"reply":""}`,
	}, "\n")
	_, err := ReadReplay(strings.NewReader(text))
	if err == nil {
		t.Fatal("it was read")
	}
	want := []string{
		"line 2: not a JSON object", "line 3: not a JSON object", "line 4: narrative_id is missing",
		"line 5: narrative_id is missing", "line 6: the reply is not a text", "line 7: narrative_id is missing",
	}
	lines := strings.Split(err.Error(), "\n")
	for i, w := range want {
		if len(lines) != len(want) || !strings.HasPrefix(lines[i], w) {
			t.Fatalf("got\n%v\nwant\n%s", err, strings.Join(want, "\n"))
		}
	}
	_, err = ReadReplay(strings.NewReader(strings.Repeat("x\n", 50)))
	if n := strings.Count(fmt.Sprint(err), "\n") + 1; n != mostReplayFaults+1 || !strings.HasSuffix(err.Error(), "and more") {
		t.Errorf("%d faults are told: %v", n, err)
	}
	if _, err = ReadReplay(&failing{}); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("got %v", err)
	}
}

// failing is a file that cannot be read.
type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestReplayAnswersFromAFunction(t *testing.T) {
	p := NewReplay("experiment 3", func(_ context.Context, r Request) (Answer, bool, error) {
		switch r.NarrativeID {
		case "n1":
			return Answer{Text: "cut", Finish: Truncated}, true, nil
		case "n2":
			return Answer{}, false, errors.New("disk on fire")
		}
		return Answer{}, false, nil
	})
	if a := mustAnswer(t, p, Request{NarrativeID: "n1"}); a.Text != "cut" || a.Finish != Truncated {
		t.Errorf("got %+v", a)
	}
	mustFail(t, p, Request{NarrativeID: "n2"}, Temporary, "experiment 3 cannot be read: disk on fire")
	mustFail(t, p, Request{NarrativeID: "n3"}, Unanswerable, "experiment 3 has no recorded answer for narrative n3")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Answer(ctx, question); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestReplayIdentityIsTheRecording(t *testing.T) {
	a, same, b := replayOf(t, `{"narrative_id":"n1","reply":"yes"}`), replayOf(t, `{"narrative_id":"n1","reply":"yes"}`), replayOf(t, `{"narrative_id":"n1","reply":"no"}`)
	if string(a.Identity(question)) != string(same.Identity(Request{})) || string(a.Identity(question)) == string(b.Identity(question)) {
		t.Errorf("identities are %s, %s, %s", a.Identity(question), same.Identity(Request{}), b.Identity(question))
	}
}

func TestReplayComparesItsAnswersWithTheNarratives(t *testing.T) {
	p := replayOf(t, strings.Join([]string{
		`{"narrative_id":"n1","reply":"yes","narrative_text":"It burned.\r\nAll of it."}`,
		`{"narrative_id":"n1","reply":"no"}`,
		`{"narrative_id":"n1","reply":"no"}`,
		`{"narrative_id":"n2","reply":"no","narrative":"It was calm."}`,
		`{"narrative_id":"n3","reply":null}`,
		`{"narrative_id":"x1","reply":"no"}`, `{"narrative_id":"x2","reply":"no"}`, `{"narrative_id":"x3","reply":"no"}`,
		`{"narrative_id":"x4","reply":"no"}`, `{"narrative_id":"x5","reply":"no"}`, `{"narrative_id":"x6","reply":"no"}`,
	}, "\n"))
	texts := map[string]string{"n1": "It burned.\nAll of it. ", "n2": "It was hot.", "n3": "?"}
	want := []string{
		"6 recorded replies match no narrative: x1, x2, x3, x4, x5, …",
		"1 recorded reply is surplus: n1",
		"the text of 1 narrative differs from that which was answered: n2",
	}
	if got := p.Compare(texts, 2, false); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := p.Compare(texts, 2, true); !slices.Equal(got, want[1:]) {
		t.Errorf("with a limit: %q", got)
	}
	if got := p.Compare(map[string]string{"n1": "It burned.\nAll of it.", "n2": "It was calm."}, 3, true); got != nil {
		t.Errorf("all is as it was: %q", got)
	}
}
