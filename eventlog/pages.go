package eventlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
)

// The kinds of pages and elements, and their sizes, of bbolt's file format 2: a
// page is a header (u64 id, u16 flags, u16 count, u32 overflow), elements of 16
// bytes, and the keys and values that these point to.
const (
	branchPage   = 0x01
	leafPage     = 0x02
	bucketLeaf   = 0x01
	elementSize  = 16
	bucketHeader = 16 // u64 root page, u64 sequence; root 0: the page follows inline
	maxTreeDepth = 40
)

// checkPages walks the whole file: every page that is in use is reached once, is
// what it should be and has its keys in rising order; and every other page is
// free.
func checkPages(f *os.File, im image) error {
	c := pageChecker{tree: tree{f, im}, used: make([]bool, im.highWater)}
	c.used[0], c.used[1] = true, true
	free, err := c.freelist()
	if err != nil {
		return err
	}
	if err := c.under(im.root, nil, nil, maxTreeDepth); err != nil {
		return err
	}
	for _, id := range free {
		if id < 2 || id >= im.highWater || c.used[id] {
			return fmt.Errorf("page %d is free and in use, or out of range", id)
		}
		c.used[id] = true
	}
	for id, used := range c.used {
		if !used {
			return fmt.Errorf("page %d is neither free nor in use", id)
		}
	}
	return nil
}

type pageChecker struct {
	tree
	used []bool
}

// take reads a page with its overflow, once.
func (c *pageChecker) take(id uint64) ([]byte, error) {
	page, err := c.read(id)
	if err != nil {
		return nil, err
	}
	for i := id; i < id+uint64(len(page))/uint64(c.image.pageSize); i++ {
		if c.used[i] {
			return nil, fmt.Errorf("page %d is in use twice", i)
		}
		c.used[i] = true
	}
	return page, nil
}

func (c *pageChecker) freelist() ([]uint64, error) {
	page, err := c.take(c.image.freelist)
	if err != nil {
		return nil, err
	}
	ne := binary.NativeEndian
	count, ids := uint64(ne.Uint16(page[10:])), page[boltPageHeader:]
	if count == 0xFFFF { // more than fit the header: the first entry has the number
		count, ids = ne.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return nil, fmt.Errorf("the freelist claims %d pages", count)
	}
	free := make([]uint64, count)
	for i := range free {
		free[i] = ne.Uint64(ids[8*i:])
	}
	return free, nil
}

// under checks a page and what is below it. Its keys lie from least (inclusive)
// to bound (exclusive), where these are not nil.
func (c *pageChecker) under(id uint64, least, bound []byte, depth int) error {
	if depth == 0 {
		return errTooDeep
	}
	page, err := c.take(id)
	if err != nil {
		return err
	}
	n, err := parseNode(page)
	if err == nil && n.count > 0 && (least != nil && bytes.Compare(n.key(0), least) < 0 ||
		bound != nil && bytes.Compare(n.key(n.count-1), bound) >= 0) {
		err = fmt.Errorf("its keys are not those of its place")
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return c.below(n, bound, depth)
}

// below checks the pages and buckets that a node leads to.
func (c *pageChecker) below(n node, bound []byte, depth int) error {
	for i := range n.count {
		if !n.leaf {
			next := bound
			if i+1 < n.count {
				next = n.key(i + 1)
			}
			if err := c.under(n.child(i), n.key(i), next, depth-1); err != nil {
				return err
			}
			continue
		}
		root, inline, ok := n.bucket(i)
		switch {
		case !ok:
		case root != 0:
			if err := c.under(root, nil, nil, depth-1); err != nil {
				return err
			}
		default:
			if _, err := parseNode(inline); err != nil {
				return fmt.Errorf("bucket %q: %w", n.key(i), err)
			}
		}
	}
	return nil
}
