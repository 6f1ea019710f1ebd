package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/explog/explog/hub/config"
)

// Experiments over the same file share its narratives.
func TestNarrativesAreReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n.csv")
	if err := os.WriteFile(path, []byte("id,text,flag\n1,one,1\n2,two,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sets := newNarrativeSets()
	first, known, err := sets.get(config.Experiment{Narratives: path})
	if err != nil || known {
		t.Fatal(known, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if again, _, err := sets.get(config.Experiment{Name: "other", Narratives: path}); err != nil || again != first {
		t.Errorf("the same narratives are another set: %v", err)
	}
	if limited, _, err := sets.get(config.Experiment{Narratives: path, Limit: 1}); err != nil || limited == first {
		t.Errorf("fewer narratives are the same set: %v", err)
	}
	if len(sets.columns) != 1 {
		t.Errorf("the columns are told %d times", len(sets.columns))
	}
}

// Ten experiments over a file need little more memory than one.
func TestMemoryDoesNotGrowWithExperiments(t *testing.T) {
	const narratives, size = 4000, 10_000 // bytes of each
	dir := t.TempDir()
	table := filepath.Join(dir, "n.csv")
	if err := exec.Command("awk", fmt.Sprintf(`BEGIN { print "id,text,flag" > ARGV[1]
for (i = 0; i < %d; i++) { printf "%%d,%%0%dd,1\n", i, i > ARGV[1] } }`, narratives, size), table).Run(); err != nil {
		t.Fatal(err) // made by another program: the memory of this one counts for those that it starts
	}
	experiment := "- {experiment_name: E%d, prompt: Judge., model_name: m, provider: command, command: [judge], narratives: n.csv}\n"
	one, ten := fmt.Sprintf(experiment, 0), ""
	for i := range 10 {
		ten += fmt.Sprintf(experiment, i)
	}
	for name, content := range map[string]string{"one.yml": one, "ten.yml": ten, "judge": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	memory := func(file string) int64 {
		cmd := exec.Command("explog", "hub", "run", "--dry-run", file)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
		return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	before, after := memory("one.yml"), memory("ten.yml")
	t.Logf("%d MiB, and %d MiB for ten", before>>20, after>>20)
	if after > before+narratives*size {
		t.Errorf("ten experiments take %d MiB, one takes %d MiB: each has a copy of the file", after>>20, before>>20)
	}
}
