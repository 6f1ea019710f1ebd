package eventlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// tree reads bbolt's B+ trees from the file, without mapping it and without
// believing it: bounds, kinds and the order of keys are checked, and no walk is
// deeper than a sound file can be. bbolt's own cursors follow whatever they find,
// which on a damaged page can be for ever; so bbolt only writes here.
type tree struct {
	file  *os.File
	image image
}

// node is a branch or leaf page, in which all elements lie inside.
type node struct {
	page  []byte
	leaf  bool
	count int
}

// parseNode checks a page's header and elements.
func parseNode(page []byte) (node, error) {
	ne := binary.NativeEndian
	if len(page) < boltPageHeader {
		return node{}, errors.New("it is cut")
	}
	flags, count := ne.Uint16(page[8:]), int(ne.Uint16(page[10:]))
	n := node{page: page, leaf: flags == leafPage, count: count}
	if flags != branchPage && flags != leafPage || boltPageHeader+count*elementSize > len(page) || !n.leaf && count == 0 {
		return n, errors.New("it has a wrong header")
	}
	for i := range count {
		at := boltPageHeader + i*elementSize
		pos, size := n.extent(i)
		if uint64(at)+pos+size > uint64(len(page)) {
			return n, fmt.Errorf("element %d points outside", i)
		}
		if i > 0 && bytes.Compare(n.key(i-1), n.key(i)) >= 0 {
			return n, errors.New("its keys are out of order")
		}
	}
	return n, nil
}

// extent returns where an element's key begins, counted from the element, and how
// long key and value are.
func (n node) extent(i int) (pos, size uint64) {
	ne, e := binary.NativeEndian, n.page[boltPageHeader+i*elementSize:]
	if !n.leaf {
		return uint64(ne.Uint32(e)), uint64(ne.Uint32(e[4:]))
	}
	return uint64(ne.Uint32(e[4:])), uint64(ne.Uint32(e[8:])) + uint64(ne.Uint32(e[12:]))
}

func (n node) key(i int) []byte {
	ne, e := binary.NativeEndian, n.page[boltPageHeader+i*elementSize:]
	pos, size := n.extent(i)
	if n.leaf {
		size = uint64(ne.Uint32(e[8:]))
	}
	start := uint64(boltPageHeader+i*elementSize) + pos
	return n.page[start : start+size : start+size]
}

// value returns a leaf element's value.
func (n node) value(i int) []byte {
	pos, size := n.extent(i)
	start := uint64(boltPageHeader+i*elementSize) + pos
	return n.page[start+uint64(len(n.key(i))) : start+size : start+size]
}

// child returns the page that a branch element leads to.
func (n node) child(i int) uint64 {
	return binary.NativeEndian.Uint64(n.page[boltPageHeader+i*elementSize+8:])
}

// bucket returns the root page of a leaf element that is a bucket; 0: it stands
// inline, behind the bucket's header. ok is false where the element is a plain
// value.
func (n node) bucket(i int) (root uint64, inline []byte, ok bool) {
	ne := binary.NativeEndian
	value := n.value(i)
	if ne.Uint32(n.page[boltPageHeader+i*elementSize:])&bucketLeaf == 0 || len(value) < bucketHeader {
		return 0, nil, false
	}
	return ne.Uint64(value), value[bucketHeader:], true
}

// atOrBefore returns the last element whose key is at most key, -1 if there is
// none; a nil key is beyond all.
func (n node) atOrBefore(key []byte) int {
	if key == nil {
		return n.count - 1
	}
	low, high := 0, n.count
	for low < high {
		if mid := (low + high) / 2; bytes.Compare(n.key(mid), key) <= 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

// read reads a page with its overflow.
func (t tree) read(id uint64) ([]byte, error) {
	if id < 2 || id >= t.image.highWater {
		return nil, fmt.Errorf("page %d is out of range", id)
	}
	page := make([]byte, t.image.pageSize)
	if _, err := t.file.ReadAt(page, int64(id)*t.image.pageSize); err != nil {
		return nil, err
	}
	ne := binary.NativeEndian
	pages := uint64(ne.Uint32(page[12:])) + 1
	if ne.Uint64(page) != id || id+pages > t.image.highWater {
		return nil, fmt.Errorf("page %d has a wrong header", id)
	}
	if pages > 1 {
		page = append(page, make([]byte, int64(pages-1)*t.image.pageSize)...)
		if _, err := t.file.ReadAt(page[t.image.pageSize:], int64(id+1)*t.image.pageSize); err != nil {
			return nil, err
		}
	}
	return page, nil
}

func (t tree) node(id uint64) (node, error) {
	page, err := t.read(id)
	if err != nil {
		return node{}, err
	}
	n, err := parseNode(page)
	if err != nil {
		return n, fmt.Errorf("page %d: %w", id, err)
	}
	return n, nil
}

// bucket returns the top node of a bucket of the file; ok is false where there is
// none of that name.
func (t tree) bucket(name []byte) (top node, ok bool, err error) {
	n, err := t.node(t.image.root)
	if err != nil {
		return node{}, false, err
	}
	n, i, err := t.floor(n, name)
	if err != nil || i < 0 || !bytes.Equal(n.key(i), name) {
		return node{}, false, err
	}
	root, inline, ok := n.bucket(i)
	if !ok {
		return node{}, false, nil
	}
	if root != 0 {
		top, err = t.node(root)
	} else {
		top, err = parseNode(inline)
	}
	return top, err == nil, err
}

var errTooDeep = errors.New("its pages lead in a circle")

// floor returns the leaf and the element with the largest key that is at most key,
// under a node; the element is -1 if there is none.
func (t tree) floor(n node, key []byte) (node, int, error) {
	for range maxTreeDepth {
		i := n.atOrBefore(key)
		if n.leaf || i < 0 {
			return n, i, nil
		}
		var err error
		if n, err = t.node(n.child(i)); err != nil {
			return n, 0, err
		}
	}
	return n, 0, errTooDeep
}

// ascend visits the elements under a node whose keys are at least from, in order,
// until visit returns false.
func (t tree) ascend(n node, from []byte, visit func(key, value []byte) (bool, error)) error {
	w := walker{tree: t, from: from, visit: visit}
	_, err := w.node(n, maxTreeDepth)
	return err
}

type walker struct {
	tree
	from  []byte
	last  []byte // key
	visit func(key, value []byte) (bool, error)
}

// node visits what is under a node; it returns false when the walk is at its end.
func (w *walker) node(n node, depth int) (bool, error) {
	if depth == 0 {
		return false, errTooDeep
	}
	for i := max(n.atOrBefore(w.from), 0); i < n.count; i++ {
		if !n.leaf {
			child, err := w.tree.node(n.child(i))
			if err != nil {
				return false, err
			}
			if more, err := w.node(child, depth-1); !more || err != nil {
				return false, err
			}
			continue
		}
		key := n.key(i)
		if bytes.Compare(key, w.from) < 0 {
			continue
		}
		if w.last != nil && bytes.Compare(key, w.last) <= 0 {
			return false, errors.New("its keys are out of order")
		}
		w.last = key
		if more, err := w.visit(key, n.value(i)); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}
