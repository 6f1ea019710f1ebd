package reply

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// labelledReply is a reply with the flag that is right: true, false, or unparsed where
// it cannot be known.
type labelledReply struct {
	Want string `json:"want"`
	Text string `json:"text"`
}

// readCorpus reads replies from a file of JSON lines.
func readCorpus(t *testing.T, path string) []labelledReply {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []labelledReply
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r labelledReply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		list = append(list, r)
	}
	if err := lines.Err(); err != nil || len(list) == 0 {
		t.Fatalf("%s: %d replies, %v", path, len(list), err)
	}
	return list
}

// read returns what a reply says: true, false or unparsed.
func read(text string) (said, why string) {
	r, err := Parse(text)
	switch {
	case err != nil:
		return "unparsed", err.Error()
	case r.Flag:
		return "true", string(r.Step)
	}
	return "false", string(r.Step)
}

// A corpus from outside: a flag is never wrong. Where a plain verdict contradicts an
// object, the reply is unparsed, even if a reader would know which of them counts.
func TestRepliesOfACorpus(t *testing.T) {
	dir := os.Getenv("EXPLOG_REAL_DATA")
	if dir == "" {
		t.Skip("EXPLOG_REAL_DATA is not set: the corpus of replies is not read")
	}
	wrong, lost := 0, 0
	for _, c := range readCorpus(t, filepath.Join(dir, "cases", "replies", "replies.jsonl")) {
		said, why := read(c.Text)
		switch {
		case said == c.Want:
		case said == "unparsed" && strings.Contains(why, "contradiction"):
			lost++
			t.Logf("%q is %s, and unparsed: %s", c.Text, c.Want, why)
		default:
			wrong++
			t.Errorf("%q is %s, want %s (%s)", c.Text, said, c.Want, why)
		}
	}
	t.Logf("%d wrong, %d lost", wrong, lost)
}

// Our own table has the same kinds, and the flag of each is exactly the one that is right.
func TestRepliesOfOurTable(t *testing.T) {
	for _, c := range readCorpus(t, "testdata/replies.jsonl") {
		if said, why := read(c.Text); said != c.Want {
			t.Errorf("%q is %s, want %s (%s)", c.Text, said, c.Want, why)
		}
	}
}
