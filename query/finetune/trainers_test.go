package finetune

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// variant is a training file and what the trainer of its format did with it.
type variant struct {
	Format Format            `json:"format"`
	Name   string            `json:"name"`
	Taken  bool              `json:"taken"`
	Rows   []json.RawMessage `json:"rows"`
	// Text is the file as it is, in place of rows.
	Text string `json:"text"`
	// Except says why the check does not follow the trainer.
	Except string `json:"except"`
}

func (v variant) String() string { return fmt.Sprintf("%s: %s", v.Format, v.Name) }

// file returns the rows as JSONL. A row that is alone is there four times: a trainer
// needs some.
func (v variant) file() []byte {
	if v.Text != "" {
		return []byte(v.Text)
	}
	rows := v.Rows
	for len(rows) < 4 && len(v.Rows) == 1 {
		rows = append(rows, v.Rows[0])
	}
	var b bytes.Buffer
	for _, row := range rows {
		b.Write(append(row, '\n'))
	}
	return b.Bytes()
}

// variants reads testdata/trainers.jsonl. What is recorded there was taken from
// TRL 1.16 with transformers 5.24 and datasets 5.2.
func variants(t *testing.T) []variant {
	t.Helper()
	data, err := os.ReadFile("testdata/trainers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var list []variant
	names := make(map[string]bool)
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var v variant
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if names[v.String()] {
			t.Fatalf("two variants are named %s", v)
		}
		names[v.String()] = true
		list = append(list, v)
	}
	return list
}

// In TRL's formats the check finds a fault in exactly those files that the trainer
// refuses. The other formats have rules of their own; what is valid there, a trainer
// takes.
func TestVerdictsAreThoseOfTheTrainers(t *testing.T) {
	for _, v := range variants(t) {
		report, err := CheckHeldOut(bytes.NewReader(v.file()), v.Format)
		if err != nil {
			t.Fatal(err)
		}
		ofTRL := v.Format == TRL || v.Format == TRLDPO || v.Format == KTO
		switch {
		case v.Except != "":
			if report.Valid() == v.Taken {
				t.Errorf("%s is no exception", v)
			}
		case report.Valid() && !v.Taken, ofTRL && v.Taken && !report.Valid():
			t.Errorf("%s: taken: %t, and the check says %v\n%s", v, v.Taken, report.Faults, v.file())
		}
	}
}

// TestTrainers has TRL's trainers make a step on each variant, and on what explog writes
// in each format. EXPLOG_PYTHON names an interpreter that has trl and torch.
func TestTrainers(t *testing.T) {
	python := os.Getenv("EXPLOG_PYTHON")
	if python == "" {
		t.Skip("EXPLOG_PYTHON is not set: TRL's trainers are not tested")
	}
	if err := exec.Command(python, "-c", "import importlib.util as u, sys; sys.exit(not (u.find_spec('trl') and u.find_spec('torch')))").Run(); err != nil {
		t.Skipf("%s has no trl and torch: TRL's trainers are not tested", python)
	}
	dir := t.TempDir()
	cases := append(variants(t), written()...)
	type element struct {
		Name   string `json:"name"`
		Format Format `json:"format"`
		File   string `json:"file"`
	}
	var list []element
	for i, v := range cases {
		path := filepath.Join(dir, fmt.Sprint(i, ".jsonl"))
		if err := os.WriteFile(path, v.file(), 0o644); err != nil {
			t.Fatal(err)
		}
		list = append(list, element{v.String(), v.Format, path})
	}
	manifest, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "manifest.json")
	if err := os.WriteFile(path, manifest, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, got := range trained(t, python, dir, path) {
		for _, v := range cases {
			if v.String() == name && v.Taken != got.Taken && !strings.Contains(v.Except, "by chance") {
				t.Errorf("%s: taken: %t, want %t: %s", name, got.Taken, v.Taken, got.Error)
			}
		}
	}
}

// written returns a file of each format as explog writes it.
func written() []variant {
	var list []variant
	for _, f := range Formats() {
		v := variant{Format: f, Name: "as explog writes it", Taken: true}
		for i := range 4 {
			e := Example{System: "Be brief.", Problem: fmt.Sprint(i, " + 1?"), Solution: fmt.Sprint(i+1, "\n\"so\""), Rejected: "7", Wanted: i > 1}
			v.Rows = append(v.Rows, f.AppendJSON(nil, e))
		}
		list = append(list, v)
	}
	return list
}

type verdict struct {
	Name  string `json:"name"`
	Taken bool   `json:"taken"`
	Error string `json:"error"`
}

// trained runs the trainers and returns what they say, by the names of the files.
func trained(t *testing.T, python, dir, manifest string) map[string]verdict {
	t.Helper()
	script, err := filepath.Abs("testdata/trainers.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, script, manifest)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HF_HOME="+dir, "HOME="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %.2000s", err, stderr.String())
	}
	verdicts := make(map[string]verdict)
	for line := range bytes.Lines(out) {
		var v verdict
		if bytes.HasPrefix(line, []byte(`{"name"`)) {
			if err := json.Unmarshal(line, &v); err != nil {
				t.Fatal(err)
			}
			verdicts[v.Name] = v
		}
	}
	if want := len(variants(t)) + len(Formats()); len(verdicts) != want {
		t.Fatalf("%d verdicts, want %d: %.2000s", len(verdicts), want, stderr.String())
	}
	return verdicts
}
