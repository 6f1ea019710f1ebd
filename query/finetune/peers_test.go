package finetune

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What others accept: the loader of Hugging Face's datasets reads every format,
// and Together's checker of files for OpenAI's formats finds no fault. Both work
// without a network. EXPLOG_PYTHON names an interpreter that has them.
func TestOtherToolsAcceptIt(t *testing.T) {
	python := os.Getenv("EXPLOG_PYTHON")
	if python == "" {
		python = "python3"
	}
	dir := t.TempDir()
	for _, f := range Formats() {
		var file []byte
		for i := range 12 {
			file = append(f.AppendJSON(file, Example{
				System: "Answer briefly.", Problem: fmt.Sprint(i, " + 1?"), Solution: fmt.Sprint(i+1, " \"so\"\n"), Rejected: "7", Wanted: i > 5,
			}), '\n')
		}
		if err := os.WriteFile(filepath.Join(dir, string(f)+".jsonl"), file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for module, script := range map[string]string{
		"datasets": `import sys, datasets
for f in sys.argv[1:]: assert datasets.load_dataset("json", data_files=f + ".jsonl", split="train", cache_dir="cache").num_rows == 12, f`,
		"together": `import sys, pathlib, together.lib.utils as u
for f in sys.argv[1:]:
    if f.startswith("openai"): r = u.check_file(pathlib.Path(f + ".jsonl")); assert r["is_check_passed"], (f, r)`,
	} {
		t.Run(module, func(t *testing.T) {
			if err := exec.Command(python, "-c", "import "+module).Run(); err != nil {
				t.Skipf("%s has no %s: not tested", python, module)
			}
			args := []string{"-c", script}
			for _, f := range Formats() {
				args = append(args, string(f))
			}
			cmd := exec.Command(python, args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "HF_HOME="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, strings.TrimSpace(string(out)))
			}
		})
	}
}
