package explog

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestALogThatHasKeysTwiceIsServed opens testdata/twice: three records and a reject,
// appended twice because the index was wrong, then two more records. Each is served
// once, and the second event under a key is named.
func TestALogThatHasKeysTwiceIsServed(t *testing.T) {
	dir := t.TempDir()
	copyTo(t, "testdata/twice/events.db", filepath.Join(dir, "events.db"))
	l, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var export bytes.Buffer
	if n, err := l.Export(ctx, &export, Filter{}, false); err != nil || n != 5 || strings.Count(export.String(), `"problem":"p3"`) != 1 {
		t.Errorf("%d records, %v:\n%s", n, err, export.String())
	}
	if n, err := l.Count(ctx, Filter{Client: "hre"}); err != nil || n != 3 {
		t.Errorf("count: %d, %v", n, err)
	}
	info, err := l.Info(ctx)
	if err != nil || info.Records != 5 || info.Dead != 4 || info.Rejects["truncated"] != 1 || len(info.FirstDead) != 4 ||
		info.FirstDead[0].Seq != 5 || !strings.Contains(info.FirstDead[0].Reason, "already") {
		t.Errorf("%+v, %v", info, err)
	}
	if r, err := l.Verify(ctx); err != nil || len(r.Log.Faults) != 4 || r.Log.Faults[0].Seq != 5 {
		t.Errorf("verify: %v, %v", r.Log.Faults, err)
	}
	if found, err := l.view.Verify(ctx); err != nil || len(found) > 0 {
		t.Errorf("the view: %q, %v", found, err)
	}
	if _, err := l.Save(ctx, someRecord(1)); err != nil {
		t.Error(err)
	}
	if n, err := l.Count(ctx, Filter{}); err != nil || n != 6 {
		t.Errorf("after another save: %d, %v", n, err)
	}
}
