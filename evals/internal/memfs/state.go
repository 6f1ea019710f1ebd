package memfs

import (
	"bytes"
	"maps"
	"path"
	"slices"
)

// State is what a prefix of the journal left: what is certainly on the disk, and
// what was done since and may or may not be.
type State struct {
	Files map[int]*Content
	// Names is the durable tree: the entries of each folder.
	Names Tree
	// Renamed are the changes to the tree that no sync has made durable, in order.
	Renamed []Op
}

// Content is what is in one file.
type Content struct {
	Synced  []byte // what is on the disk
	Live    []byte // as programs see it
	Pending []Op   // writes and truncations that a sync would make durable
}

// Tree is the entries of each folder, by the folder's number.
type Tree map[int]map[string]int

// NewState returns the state of an empty disk.
func NewState() *State {
	return &State{Files: make(map[int]*Content), Names: Tree{RootFolder: {}}}
}

// Apply moves the state behind one more operation.
//
// A file's sync makes its data, its size and the entry it was created under
// durable, as the usual file systems do; a rename, a removal and a new folder are
// durable when the folder that they are in is synced, and not before.
func (s *State) Apply(o Op) {
	switch o.Kind {
	case Write, Truncate:
		f := s.Files[o.File]
		f.Live = o.On(f.Live)
		f.Pending = append(f.Pending, o)
	case Sync:
		s.Files[o.File].sync()
		s.settle(func(c Op) bool { return c.Kind == Create && c.File == o.File })
	case SyncLost:
		s.Files[o.File].Pending = nil
	case Create:
		s.Files[o.File] = &Content{}
		s.Renamed = append(s.Renamed, o)
	case Mkdir, Remove, Rename:
		s.Renamed = append(s.Renamed, o)
	case SyncDir:
		s.settle(func(c Op) bool { return c.Dir == o.Dir })
	}
}

// pageSize is the unit in which the kernel writes a file back.
const pageSize = 4096

// sync makes the size and every page that is not clean durable, as programs see
// them now. Without a sync that failed before, that is the whole file.
func (c *Content) sync() {
	for _, o := range c.Pending {
		if o.Kind == Truncate {
			c.Synced = o.On(c.Synced)
		}
	}
	size := int64(len(c.Live))
	c.Synced = Resized(bytes.Clone(c.Synced), size)
	for _, o := range c.Pending {
		from := min(o.Offset/pageSize*pageSize, size)
		to := min((o.Offset+int64(len(o.Data))+pageSize-1)/pageSize*pageSize, size)
		if o.Kind == Write && from < to {
			copy(c.Synced[from:to], c.Live[from:to])
		}
	}
	c.Pending = nil
}

// settle makes some of the changes to the tree durable.
func (s *State) settle(durable func(Op) bool) {
	var rest []Op
	for _, c := range s.Renamed {
		if durable(c) {
			s.Names.Apply(c)
		} else {
			rest = append(rest, c)
		}
	}
	s.Renamed = rest
}

// Image builds what the disk holds, where these changes to folders reached it and
// data gives the bytes of each file.
func (s *State) Image(names []Op, data func(*Content) []byte) Image {
	tree := s.Names.clone()
	for _, c := range names {
		tree.Apply(c)
	}
	im := make(Image)
	tree.walk(RootFolder, "", func(path string, number int) {
		if f := s.Files[number]; f != nil {
			im[path] = append([]byte{}, data(f)...)
		} else {
			im[path] = nil
		}
	})
	return im
}

// On returns a file's bytes after a write or a truncation.
func (o Op) On(data []byte) []byte {
	if o.Kind == Truncate {
		return Resized(data, o.Offset)
	}
	return written(data, o.Data, o.Offset)
}

// Apply changes the tree. A change may come without those before it, so it takes
// away only what it was made for.
func (t Tree) Apply(c Op) {
	entries := t[c.Dir]
	if entries == nil {
		entries = make(map[string]int)
		t[c.Dir] = entries
	}
	switch c.Kind {
	case Create, Mkdir:
		entries[c.Name] = c.File
		return
	case Rename:
		entries[c.To] = c.File
	}
	if entries[c.Name] == c.File {
		delete(entries, c.Name)
	}
}

func (t Tree) clone() Tree {
	c := make(Tree, len(t))
	for dir, entries := range t {
		c[dir] = maps.Clone(entries)
	}
	return c
}

// walk visits every file and folder that can be reached, in a fixed order.
func (t Tree) walk(dir int, at string, visit func(path string, number int)) {
	for _, name := range slices.Sorted(maps.Keys(t[dir])) {
		number := t[dir][name]
		visit(path.Join(at, name), number)
		t.walk(number, path.Join(at, name), visit)
	}
}

// written returns a file's bytes with some written over them.
func written(data, b []byte, offset int64) []byte {
	if end := offset + int64(len(b)); end > int64(len(data)) {
		data = Resized(data, end)
	}
	copy(data[offset:], b)
	return data
}

// Resized returns a file's bytes cut, or with zeros behind them.
func Resized(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}
