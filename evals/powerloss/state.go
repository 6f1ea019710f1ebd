package powerloss

import (
	"bytes"
	"maps"
	"path"
	"slices"
)

// state is what a prefix of the record left: what is certainly on the disk, and
// what was done since and may or may not be.
type state struct {
	files map[int]*content
	// names is the durable tree: the entries of each folder.
	names tree
	// renamed are the changes to the tree that no sync has made durable, in order.
	renamed []op
}

// content is what is in one file.
type content struct {
	synced  []byte // as of its last sync
	live    []byte // as programs see it
	pending []op   // writes and truncations between the two
}

// tree is the entries of each folder, by the folder's number.
type tree map[int]map[string]int

func newState() *state {
	return &state{files: make(map[int]*content), names: tree{rootFolder: {}}}
}

// apply moves the state behind one more operation.
//
// A file's sync makes its data, its size and the entry it was created under
// durable, as the usual file systems do; a rename, a removal and a new folder are
// durable when the folder that they are in is synced, and not before.
func (s *state) apply(o op) {
	switch o.kind {
	case opWrite, opTruncate:
		f := s.files[o.file]
		f.live = o.on(f.live)
		f.pending = append(f.pending, o)
	case opSync:
		f := s.files[o.file]
		f.synced, f.pending = bytes.Clone(f.live), nil
		s.settle(func(c op) bool { return c.kind == opCreate && c.file == o.file })
	case opCreate:
		s.files[o.file] = &content{}
		s.renamed = append(s.renamed, o)
	case opMkdir, opRemove, opRename:
		s.renamed = append(s.renamed, o)
	case opSyncDir:
		s.settle(func(c op) bool { return c.dir == o.dir })
	}
}

// settle makes some of the changes to the tree durable.
func (s *state) settle(durable func(op) bool) {
	var rest []op
	for _, c := range s.renamed {
		if durable(c) {
			s.names.apply(c)
		} else {
			rest = append(rest, c)
		}
	}
	s.renamed = rest
}

// on returns a file's bytes after a write or a truncation.
func (o op) on(data []byte) []byte {
	if o.kind == opTruncate {
		return resized(data, o.offset)
	}
	return written(data, o.data, o.offset)
}

// apply changes the tree. A change may come without those before it, so it takes
// away only what it was made for.
func (t tree) apply(c op) {
	entries := t[c.dir]
	if entries == nil {
		entries = make(map[string]int)
		t[c.dir] = entries
	}
	switch c.kind {
	case opCreate, opMkdir:
		entries[c.name] = c.file
		return
	case opRename:
		entries[c.to] = c.file
	}
	if entries[c.name] == c.file {
		delete(entries, c.name)
	}
}

func (t tree) clone() tree {
	c := make(tree, len(t))
	for dir, entries := range t {
		c[dir] = maps.Clone(entries)
	}
	return c
}

// walk visits every file and folder that can be reached, in a fixed order.
func (t tree) walk(dir int, at string, visit func(path string, number int)) {
	for _, name := range slices.Sorted(maps.Keys(t[dir])) {
		number := t[dir][name]
		visit(path.Join(at, name), number)
		t.walk(number, path.Join(at, name), visit)
	}
}

// written returns a file's bytes with some written over them.
func written(data, b []byte, offset int64) []byte {
	if end := offset + int64(len(b)); end > int64(len(data)) {
		data = resized(data, end)
	}
	copy(data[offset:], b)
	return data
}

// resized returns a file's bytes cut, or with zeros behind them.
func resized(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}
