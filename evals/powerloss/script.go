package powerloss

import (
	"strings"

	"github.com/explog/explog/evals/internal/memfs"
)

// newScript writes the inputs into a folder and lists the steps. A further command
// is one more line: what it is given is one of the inputs, so that what it says of
// them is understood (ears.go).
func newScript(dir string) (*script, error) {
	s := &script{inputs: &inputs{dir: dir}}
	s.save(s.record(300))
	s.save(s.record(300))
	batches := s.records(28, 2000, padded)
	s.imports(batches).exit = 3 // one of them is no record
	s.imports(batches).exit = 3
	s.run("count")
	s.save(s.record(6000))
	s.run("rebuild")
	s.captures(s.records(30, 200, plain))
	s.run("compact")
	s.run("backup", backupPath)
	s.shell("rm events.index")
	s.save(s.record(300))
	s.run("backup", backupPath)
	s.shell("rm experiments.sqlite")
	s.imports(s.records(600, 20, plain)) // makes the view while it saves
	interrupted := s.records(28, 700, padded)
	s.imports(interrupted).killAt = speaks(1)
	s.run("count")
	s.imports(interrupted).exit = 3
	s.run("rebuild").killAt = writes("experiments.sqlite-wal", 20)
	s.imports(s.records(20, 900, plain)).killAt = writes("experiments.sqlite", 1) // what is in the WAL is committed
	s.shell("rm experiments.sqlite")
	s.run("count")
	s.imports(s.records(20, 900, plain)).killAt = writes("experiments.sqlite", 1)
	s.shell("printf '" + rubbish + "' | dd of=experiments.sqlite conv=notrunc status=none")
	s.run("export")
	s.imports(s.records(12, 500, plain))
	s.run("compact")
	s.run("verify")
	return s, s.err
}

// backupPath is where the script's backups are, on the recorded disk too.
const backupPath = "backup.db"

// rubbish is what the script writes over the beginning of a view.
const rubbish = "rubbish"

// again lists what is done with a store that a power cut left.
func (s *script) again() (*script, error) {
	a := &script{inputs: s.inputs}
	a.run("count")
	a.imports(a.everything())
	a.run("compact")
	a.run("rebuild")
	return a, a.err
}

// script is all steps, with what they are given.
type script struct {
	*inputs
	steps []*step
}

// step is one command of the script.
type step struct {
	args []string // of explog
	// shell is run in the store's folder instead of explog: what people do by hand.
	shell string
	given input
	stdin string // a file; empty: nothing
	exit  int
	// killAt is where the command is killed, if it is: behind an operation on the
	// file of this name.
	killAt func(name string, o memfs.Op) bool
}

func (s *step) String() string {
	if s.shell != "" {
		return s.shell
	}
	return "explog " + strings.Join(s.args, " ")
}

func (s *script) add(st *step) *step {
	s.steps = append(s.steps, st)
	return st
}

func (s *script) run(args ...string) *step { return s.add(&step{args: args}) }

func (s *script) shell(command string) { s.add(&step{shell: command}) }

func (s *script) save(in input) { s.add(&step{args: []string{"save", "--file", in.path}, given: in}) }

func (s *script) imports(in input) *step {
	return s.add(&step{args: []string{"import", "--verbose", "--file", in.path}, given: in})
}

func (s *script) captures(in input) {
	s.add(&step{args: []string{"capture", "--ack", "--run", "r"}, given: in, stdin: in.path})
}

// speaks is the nth time that a command says something.
func speaks(n int) func(string, memfs.Op) bool {
	return func(_ string, o memfs.Op) bool {
		if o.Kind == memfs.Said {
			n--
		}
		return n == 0
	}
}

// writes is the nth write to a file.
func writes(file string, n int) func(string, memfs.Op) bool {
	return func(name string, o memfs.Op) bool {
		if o.Kind == memfs.Write && name == file {
			n--
		}
		return n == 0
	}
}
