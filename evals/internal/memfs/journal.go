package memfs

import "sync"

// Kind is what an operation does.
type Kind uint8

// The operations.
const (
	Write    Kind = iota // data at offset of file
	Truncate             // file to size offset
	Sync                 // file
	SyncLost             // file; the sync failed, and what it should have written is marked clean
	Create               // file, as name in dir
	Mkdir                // the folder file, as name in dir
	Remove               // file, which was name in dir
	Rename               // file, in dir from name to to
	SyncDir              // dir
	Step                 // step number offset of a script begins
	Said                 // data was written to the file VoiceName
)

// Op is one operation. Files and folders have numbers, which are never reused.
type Op struct {
	Kind     Kind
	File     int
	Dir      int
	Name, To string
	Offset   int64
	Data     []byte
}

// RootFolder is the number of the folder that is mounted.
const RootFolder = 1

// Journal is all operations in the order in which they took effect. The file system
// carries out each under the journal's lock, so there is one order, and what comes
// after an entry was begun after it.
type Journal struct {
	mu   sync.Mutex
	ops  []Op
	last int // number of the file or folder that was made last
	// names are what the files are called now.
	names map[int]string
	// watch is called with each operation and its file's name, under the lock: the
	// program that did it waits meanwhile.
	watch func(name string, o Op)
	open  int // files that are open
	idle  *sync.Cond
}

// NewJournal returns an empty journal.
func NewJournal() *Journal {
	j := &Journal{names: make(map[int]string)}
	j.idle = sync.NewCond(&j.mu)
	return j
}

// Ops returns all operations so far.
func (j *Journal) Ops() []Op {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ops[:len(j.ops):len(j.ops)]
}

// number gives a new file or folder its number. The caller has the lock.
func (j *Journal) number() int {
	j.last++
	return j.last
}

// add appends an operation. The caller has the lock.
func (j *Journal) add(o Op) {
	j.ops = append(j.ops, o)
	switch o.Kind {
	case Create:
		j.names[o.File] = o.Name
	case Rename:
		j.names[o.File] = o.To
	}
	if j.watch != nil {
		j.watch(j.names[o.File], o)
	}
}

// Step notes that step n of a script begins, and has its operations watched.
func (j *Journal) Step(n int, watch func(name string, o Op)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.watch = nil
	j.add(Op{Kind: Step, Offset: int64(n)})
	j.watch = watch
}

// Do runs fn while no operation takes effect.
func (j *Journal) Do(fn func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fn()
}

// WaitIdle waits until no file is open. The kernel closes the files of a process that
// ended some time after its parent learns of its end.
func (j *Journal) WaitIdle() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.open > 0 {
		j.idle.Wait()
	}
}

// Said returns what was said since the last step began.
func (j *Journal) Said() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var text string
	for _, o := range j.ops {
		switch o.Kind {
		case Step:
			text = ""
		case Said:
			text += string(o.Data)
		}
	}
	return text
}

// Names returns, for each operation, what its file is called when it takes effect.
func Names(ops []Op) []string {
	j := NewJournal()
	names := make([]string, 0, len(ops))
	for _, o := range ops {
		j.add(o)
		names = append(names, j.names[o.File])
	}
	return names
}
