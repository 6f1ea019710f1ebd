package eventlog

import (
	"fmt"
	"hash/crc32"
	"os"

	"github.com/google/uuid"
)

// The checksums of an index's pages are a tree. Level 0 are the pages. A node of level
// n+1 holds the checksums of 128 pages or nodes of level n, and the header holds those of
// the highest level, at most 64. FORMAT.md has the layout.

const (
	sumsPerNode = indexPageSize / 4
	maxTopSums  = 64
)

// sumTree reads and writes pages with their checksums. Nodes stay in memory once they
// are read: an index of ten million events has two megabytes of them.
type sumTree struct {
	file  *os.File
	log   uuid.UUID
	start []uint64              // of each level: the place of its first page in the file
	nodes []map[uint64]*sumNode // by level; those of level 0 are pages and not here
	top   []uint32
}

type sumNode struct {
	data  [indexPageSize]byte
	dirty bool
}

func newSumTree(f *os.File, log uuid.UUID, pages uint64) sumTree {
	t := sumTree{file: f, log: log, start: []uint64{1}, nodes: []map[uint64]*sumNode{nil}}
	count := pages
	for count > maxTopSums {
		t.start = append(t.start, t.start[len(t.start)-1]+count)
		t.nodes = append(t.nodes, make(map[uint64]*sumNode))
		count /= sumsPerNode
	}
	t.top = make([]uint32, count)
	return t
}

// reset makes all nodes empty ones that are not written yet.
func (t *sumTree) reset(pages uint64) {
	for level := 1; level < len(t.start); level++ {
		pages /= sumsPerNode
		for n := range pages {
			t.nodes[level][n] = &sumNode{dirty: true}
		}
	}
}

// size returns how many pages and nodes there are.
func (t *sumTree) size() uint64 { return t.start[len(t.start)-1] + uint64(len(t.top)) - 1 }

// sum returns the checksum of a page. It covers the log and the page's place too, so
// that a page from elsewhere is not taken for this one.
func (t *sumTree) sum(level int, n uint64, data *[indexPageSize]byte) uint32 {
	var place [24]byte
	copy(place[:], t.log[:])
	be.PutUint64(place[16:], t.start[level]+n)
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, data[:])
}

// read reads a page that must have a checksum.
func (t *sumTree) read(level int, n uint64, data *[indexPageSize]byte, want uint32) error {
	place := t.start[level] + n
	if _, err := t.file.ReadAt(data[:], int64(place)*indexPageSize); err != nil {
		return fmt.Errorf("%w: page %d: %w", errIndex, place, err)
	}
	if t.sum(level, n, data) != want {
		return fmt.Errorf("%w: page %d", errIndex, place)
	}
	return nil
}

// write writes a page and returns its checksum.
func (t *sumTree) write(level int, n uint64, data *[indexPageSize]byte) (uint32, error) {
	_, err := t.file.WriteAt(data[:], int64(t.start[level]+n)*indexPageSize)
	return t.sum(level, n, data), err
}

// of returns the checksum that a page must have.
func (t *sumTree) of(level int, n uint64) (uint32, error) {
	if level == len(t.start)-1 {
		return t.top[n], nil
	}
	node, err := t.node(level+1, n/sumsPerNode)
	if err != nil {
		return 0, err
	}
	return le.Uint32(node.data[n%sumsPerNode*4:]), nil
}

// set records a page's checksum; flush writes it.
func (t *sumTree) set(level int, n uint64, sum uint32) error {
	if level == len(t.start)-1 {
		t.top[n] = sum
		return nil
	}
	node, err := t.node(level+1, n/sumsPerNode)
	if err != nil {
		return err
	}
	le.PutUint32(node.data[n%sumsPerNode*4:], sum)
	node.dirty = true
	return nil
}

// node returns a node, read and checked once.
func (t *sumTree) node(level int, n uint64) (*sumNode, error) {
	if node := t.nodes[level][n]; node != nil {
		return node, nil
	}
	want, err := t.of(level, n)
	if err != nil {
		return nil, err
	}
	node := new(sumNode)
	if err := t.read(level, n, &node.data, want); err != nil {
		return nil, err
	}
	t.nodes[level][n] = node
	return node, nil
}

// flush writes the nodes that have changed, each level before the one above it.
func (t *sumTree) flush() error {
	for level := 1; level < len(t.start); level++ {
		for n, node := range t.nodes[level] {
			if !node.dirty {
				continue
			}
			sum, err := t.write(level, n, &node.data)
			if err == nil {
				err = t.set(level, n, sum)
			}
			if err != nil {
				return err
			}
			node.dirty = false
		}
	}
	return nil
}
