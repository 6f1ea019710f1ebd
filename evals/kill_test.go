package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
)

// killActions are what is killed, in turn. In a command STORE is the store's
// folder, INPUT a file with records as JSONL and OUT a folder for what it writes.
// acknowledged finds in what the process said the ids that it vouched for.
var killActions = []killAction{
	{name: "save one at a time", child: "saver -saves 100", acknowledged: printedIDs},
	{name: "import a file", explog: "import --verbose --file INPUT", acknowledged: savedBatches},
	{name: "save from goroutines", child: "saver -saves 25 -goroutines 16", acknowledged: printedIDs},
	{name: "rebuild", explog: "rebuild", acknowledged: nothing},
	{name: "import from a pipe", explog: "import --verbose --file -", piped: true, acknowledged: savedBatches},
	{name: "capture from a pipe", explog: "capture --ack", piped: true, acknowledged: printedIDs},
	{name: "compact", explog: "compact", acknowledged: nothing},
	{name: "back up", explog: "backup OUT/backup.db", acknowledged: nothing},
	{name: "make a deleted view", explog: "count", without: "experiments.sqlite", acknowledged: nothing},
	{name: "import and make the view", explog: "import --verbose --file INPUT", without: "experiments.sqlite", acknowledged: savedBatches},
	{name: "make a deleted index", child: "saver -saves 100", without: "events.index", acknowledged: printedIDs},
}

type killAction struct {
	name         string
	explog       string // arguments of the binary, or
	child        string // name and arguments of a child
	without      string // a file of the store that is deleted before
	piped        bool   // INPUT is its standard input, as a pipe
	acknowledged func(*killRig, ended) []string
}

func (a killAction) takesInput() bool { return a.piped || strings.Contains(a.explog, "INPUT") }

// TestKilled kills processes with SIGKILL at random moments, on one store that
// lives through all of it, and checks after each that nothing is lost, doubled or
// left lying about.
func TestKilled(t *testing.T) {
	rounds := 3 * len(killActions)
	if *long {
		rounds = 30 * len(killActions)
	} else if testing.Short() {
		rounds = 2 * len(killActions) // the first run of each is not killed
	}
	k := newKillRig(t)
	for round := range rounds {
		k.round(round, killActions[round%len(killActions)])
		if t.Failed() {
			t.FailNow()
		}
	}
	k.report()
}

// TestKilledAtBirth kills the first save of a store, each time of another one. What
// it leaves must do for the next save.
func TestKilledAtBirth(t *testing.T) {
	rounds := 15
	if *long {
		rounds = 300
	}
	k := newKillRig(t)
	birth := killAction{name: "first save", child: "saver -saves 1", acknowledged: printedIDs}
	again := killAction{name: "second save", child: "saver -saves 1", acknowledged: printedIDs}
	for round := range rounds {
		k.store = filepath.Join(k.out, fmt.Sprintf("store-%d", round))
		clear(k.vouched)
		k.round(round, birth)
		k.natural[again.name] = 0 // it is not to be killed
		k.round(round, again)
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d first saves were killed", k.kills[birth.name])
}

// killRig is a store and what is known of it.
type killRig struct {
	*testing.T
	binary  program
	random  *rand.Rand
	store   string
	out     string                   // a folder for what commands write
	vouched map[string]bool          // ids that were acknowledged
	natural map[string]time.Duration // that each action takes as the store is now
	input   killInput
	inputs  int
	kills   map[string]int
}

func newKillRig(t *testing.T) *killRig {
	k := &killRig{
		T: t, binary: builtBinary(t), random: randomness(t), store: filepath.Join(t.TempDir(), "store"), out: t.TempDir(),
		vouched: make(map[string]bool), natural: make(map[string]time.Duration), kills: make(map[string]int),
	}
	k.nextInput()
	return k
}

// round runs an action, kills it and checks the store. The first run of an action
// is not killed: it shows how long the action takes.
func (k *killRig) round(n int, a killAction) {
	if a.without != "" {
		os.Remove(filepath.Join(k.store, a.without))
	}
	delay := time.Minute
	if natural := k.natural[a.name]; natural > 0 {
		delay = time.Duration(k.random.Int64N(int64(natural) * 5 / 4))
	}
	e := k.runAndKill(a, delay)
	killed := e.signal == syscall.SIGKILL
	if !killed && e.code != 0 {
		k.Fatalf("round %d, %s: %v", n, a.name, e)
	}
	k.learn(a, e.took, killed)
	before := len(k.vouched)
	for _, id := range a.acknowledged(k, e) {
		k.vouched[id] = true
	}
	k.Logf("round %3d  %-20s killed %-5v after %5d ms, acknowledged %d", n, a.name, killed, e.took.Milliseconds(), len(k.vouched)-before)
	if !killed && a.takesInput() {
		k.nextInput() // else the same is taken again, and goes on where it stopped
	}
	k.check(n, n%10 == 9)
}

// runAndKill runs an action to its end, or until the delay is over.
func (k *killRig) runAndKill(a killAction, delay time.Duration) ended {
	ctx, cancel := context.WithTimeout(context.Background(), delay) // it kills with SIGKILL
	defer cancel()
	cmd := k.command(ctx, a)
	if a.piped {
		f, err := os.Open(k.input.path)
		if err != nil {
			k.Fatal(err)
		}
		defer f.Close()
		cmd.Stdin = io.MultiReader(f) // hidden from exec, which would hand on the file itself
	}
	return finish(cmd)
}

func (k *killRig) command(ctx context.Context, a killAction) *exec.Cmd {
	places := strings.NewReplacer("STORE", k.store, "INPUT", k.input.path, "OUT", k.out)
	args := strings.Fields(a.explog + a.child)
	for i := range args {
		args[i] = places.Replace(args[i])
	}
	if a.child != "" {
		return child(ctx, args[0], k.store, args[1:]...)
	}
	return k.binary.command(ctx, k.store, args...)
}

// learn keeps the natural duration of an action. It grows with the store, so a kill
// is a hint that it may be longer by now; and an import that has little left to do
// is no reason to kill the next one early.
func (k *killRig) learn(a killAction, took time.Duration, killed bool) {
	natural := k.natural[a.name]
	if killed {
		k.kills[a.name]++
		k.natural[a.name] = natural + natural/10
		return
	}
	k.natural[a.name] = max(took, natural-natural/10)
}

func (k *killRig) report() {
	total := 0
	for _, a := range killActions {
		total += k.kills[a.name]
		k.Logf("%-22s %3d kills, takes %v now", a.name, k.kills[a.name], k.natural[a.name].Round(time.Millisecond))
	}
	k.Logf("%d kills; %d acknowledged records, all there once", total, len(k.vouched))
}

func nothing(*killRig, ended) []string { return nil }

// printedIDs are those with which lines of the standard output begin. A line that
// the kill cut says nothing.
func printedIDs(_ *killRig, e ended) []string {
	var ids []string
	for line := range strings.Lines(e.out) {
		id, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if uuid.Validate(id) == nil && strings.HasSuffix(line, "\n") {
			ids = append(ids, id)
		}
	}
	return ids
}

// savedBatches are the records of the batches that an import said it saved.
func savedBatches(k *killRig, e ended) []string {
	n := 0
	for line := range strings.Lines(e.diag) {
		var batch int
		if _, err := fmt.Sscanf(line, "Saved batch of %d experiments\n", &batch); err == nil {
			n += batch
		}
	}
	return k.input.ids[:n]
}

// killInput is a file with records that hardly compress; an import takes it in two
// batches.
type killInput struct {
	path string
	ids  []string
}

func (k *killRig) nextInput() {
	k.inputs++
	k.input = killInput{path: filepath.Join(k.out, fmt.Sprintf("input-%d.jsonl", k.inputs))}
	var b strings.Builder
	text := make([]byte, 9<<10)
	for n := range 400 {
		id := uuid.NewString()
		k.input.ids = append(k.input.ids, id)
		for i := range text {
			text[i] = byte(k.random.Uint32())
		}
		fmt.Fprintf(&b, `{"id":"%s","client_id":"c","run_id":"r","problem":"%d","solution":"%s","score":0.5,"timestamp":"2026-04-07T09:30:00Z"}`+"\n",
			id, n, base64.StdEncoding.EncodeToString(text))
	}
	if err := os.WriteFile(k.input.path, []byte(b.String()), 0o644); err != nil {
		k.Fatal(err)
	}
}
