//go:build linux

package faults

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/explog/explog/evals/internal/memfs"
)

// Where things are on the disk.
const (
	storePath    = "var/store"
	backupPath   = "var/backup.db"
	datasetsPath = "var/datasets"
	tempPath     = "tmp"
)

// scenario is a command, the disk that it works on, and what its output means.
type scenario struct {
	name string
	disk memfs.Image
	has  []int    // records in the store before
	args []string // of explog; a path that begins with @ is on the disk
	// given are the records that it is given, in order; all are stored when it ends well.
	given []int
	input string // a file with them
	stdin bool   // they are given to standard input
	// says is what standard output contains when the command ends well.
	says string
	// acked returns how many of the records a run acknowledged that did not end well.
	acked func(outcome) []int
	// backs up, builds a dataset: what is checked further when it ended well.
	backup, dataset bool
}

// newScenarios lists the commands. A further one is one more line.
func newScenarios(dir string, prepared memfs.Image) ([]*scenario, error) {
	empty := memfs.Image{"var": nil, tempPath: nil}
	var err error
	input := func(name, text string) string {
		to := filepath.Join(dir, name)
		if e := os.WriteFile(to, []byte(text), 0o644); e != nil && err == nil {
			err = e
		}
		return to
	}
	old := numbers(0, inStore)
	one, several := numbers(100, 101), append(numbers(200, 220), 3, 4, 54)
	batches := numbers(300, 318)
	oneFile := input("one.jsonl", lines(one, 0))
	severalFile := input("several.jsonl", lines(several, 0))
	batchesFile := input("batches.jsonl", lines(batches, 500<<10))
	save := scenario{args: []string{"save", "--file", oneFile}, given: one, acked: noneAcked, says: id(one[0])}
	imports := scenario{args: []string{"import", "--verbose", "--file", severalFile}, given: several, acked: ackedBatches(several), says: "Imported 23 records"}
	all := []*scenario{
		save.on("first save", empty, nil),
		save.on("save", prepared, old),
		save.on("save without a seal", without(prepared, "events.lock"), old),
		imports.on("import", prepared, old),
		imports.on("import without view and index", without(prepared, "experiments.sqlite", "events.index"), old),
		{
			name: "import of batches", disk: prepared, has: old, given: batches, acked: ackedBatches(batches), says: "Imported 18 records",
			args: []string{"import", "--verbose", "--file", batchesFile},
		},
		{name: "capture", disk: prepared, has: old, args: []string{"capture", "--ack", "--run", "r"}, given: several, input: severalFile, stdin: true, acked: ackedLines},
		{name: "compact", disk: prepared, has: old, args: []string{"compact"}, acked: noneAcked, says: fmt.Sprintf("Compacted the log: %d events", inStore)},
		{name: "backup", disk: prepared, has: old, args: []string{"backup", "@" + backupPath}, acked: noneAcked, says: fmt.Sprintf("Backed up %d events", inStore), backup: true},
		{name: "rebuild", disk: prepared, has: old, args: []string{"rebuild"}, acked: noneAcked, says: fmt.Sprintf("from %d events", inStore)},
		{
			name: "dataset build", disk: prepared, has: old, acked: noneAcked, says: "written", dataset: true,
			args: []string{"dataset", "build", "--client", "c", "--min-examples", "20", "--holdout", "0.3", "--out", "@" + datasetsPath},
		},
		{name: "verify", disk: prepared, has: old, args: []string{"verify"}, acked: noneAcked, says: fmt.Sprintf("The log is whole (%d events", inStore)},
	}
	return all, err
}

// on is the scenario on a disk with records.
func (s scenario) on(name string, disk memfs.Image, has []int) *scenario {
	s.name, s.disk, s.has = name, disk, has
	return &s
}

// without is a disk on which files of the store are missing, with what SQLite keeps
// beside them.
func without(im memfs.Image, names ...string) memfs.Image {
	rest := maps.Clone(im)
	for _, name := range names {
		delete(rest, path.Join(storePath, name))
		delete(rest, path.Join(storePath, name+"-wal"))
	}
	return rest
}

func noneAcked(outcome) []int { return nil }

// ackedBatches understands the notes of `import --verbose`.
func ackedBatches(given []int) func(outcome) []int {
	return func(o outcome) []int {
		saved := 0
		for line := range strings.Lines(o.stderr) {
			var n int
			if _, err := fmt.Sscanf(line, "Saved batch of %d experiments", &n); err == nil {
				saved += n
			}
		}
		return given[:min(saved, len(given))]
	}
}

// ackedLines understands `capture --ack`: the id of each record that is stored.
func ackedLines(o outcome) (acked []int) {
	for line := range strings.Lines(o.stdout) {
		if u, err := uuid.Parse(strings.TrimSuffix(line, "\n")); err == nil {
			var n int
			if _, err := fmt.Sscanf(u.String()[24:], "%x", &n); err == nil {
				acked = append(acked, n)
			}
		}
	}
	return acked
}
