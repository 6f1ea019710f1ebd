package powerloss

import "sync"

// opKind is what was done to a file, to a folder, or said.
type opKind uint8

const (
	opWrite    opKind = iota // data at offset of file
	opTruncate               // file to size offset
	opSync                   // file
	opCreate                 // file, as name in dir
	opMkdir                  // the folder file, as name in dir
	opRemove                 // file, which was name in dir
	opRename                 // file, in dir from name to to
	opSyncDir                // dir
	opStep                   // the script's step number offset begins
	opSaid                   // data was written to the standard output or error
)

// op is one operation. Files and folders go by numbers, which are not used twice.
type op struct {
	kind     opKind
	file     int
	dir      int
	name, to string
	offset   int64
	data     []byte
}

// rootFolder is the number of the folder that is mounted.
const rootFolder = 1

// record is all operations in the order in which they took effect. The file
// system carries out each under the record's lock, so there is one order, and what
// comes after an entry was begun after it.
type record struct {
	mu   sync.Mutex
	ops  []op
	last int // number of a file or folder that was given last
	// names are what the files are called now.
	names map[int]string
	// watch is told each operation, with its file's name, under the lock: whoever
	// did it waits meanwhile.
	watch func(name string, o op)
}

func newRecord() *record { return &record{names: make(map[int]string)} }

// number gives a new file or folder its number. The caller has the lock.
func (r *record) number() int {
	r.last++
	return r.last
}

// add appends an operation. The caller has the lock.
func (r *record) add(o op) {
	r.ops = append(r.ops, o)
	switch o.kind {
	case opCreate:
		r.names[o.file] = o.name
	case opRename:
		r.names[o.file] = o.to
	}
	if r.watch != nil {
		r.watch(r.names[o.file], o)
	}
}

// step notes that a step of the script begins, and who watches it.
func (r *record) step(n int, watch func(name string, o op)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch = nil
	r.add(op{kind: opStep, offset: int64(n)})
	r.watch = watch
}

// said returns what was said since the last step began.
func (r *record) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var text string
	for _, o := range r.ops {
		switch o.kind {
		case opStep:
			text = ""
		case opSaid:
			text += string(o.data)
		}
	}
	return text
}
