package eventlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
)

// checkPages walks bbolt's file without mapping it: every page that is in use is
// reached once, is what it should be and has its keys in rising order; and every
// other page is free. bbolt's own check believes the lengths that it finds in the
// pages and dies on wrong ones.
//
// The layout is bbolt's file format 2: a page is a header (u64 id, u16 flags, u16
// count, u32 overflow), elements of 16 bytes, and the keys and values that these
// point to.
func checkPages(f *os.File, im image) error {
	c := pageChecker{file: f, image: im, used: make([]bool, im.highWater)}
	c.used[0], c.used[1] = true, true
	root, err := rootPage(f, im)
	if err != nil {
		return err
	}
	free, err := c.freelist()
	if err != nil {
		return err
	}
	if err := c.tree(root, nil, nil, maxTreeDepth); err != nil {
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

const (
	branchPage   = 0x01
	leafPage     = 0x02
	bucketLeaf   = 0x01
	elementSize  = 16
	bucketHeader = 16 // u64 root page, u64 sequence; root 0: the page follows inline
	maxTreeDepth = 40
)

// rootPage reads the root of the file's buckets from the newest meta page.
func rootPage(f *os.File, im image) (uint64, error) {
	var meta [metaPrefix]byte
	if _, err := f.ReadAt(meta[:], int64(im.txid%2)*im.pageSize); err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(meta[boltPageHeader+16:]), nil
}

type pageChecker struct {
	file  *os.File
	image image
	used  []bool
}

// take reads a page with its overflow, once.
func (c *pageChecker) take(id uint64) ([]byte, error) {
	if id < 2 || id >= c.image.highWater {
		return nil, fmt.Errorf("page %d is out of range", id)
	}
	header := make([]byte, boltPageHeader)
	if _, err := c.file.ReadAt(header, int64(id)*c.image.pageSize); err != nil {
		return nil, err
	}
	ne := binary.NativeEndian
	pages := uint64(ne.Uint32(header[12:])) + 1
	if ne.Uint64(header) != id || id+pages > c.image.highWater {
		return nil, fmt.Errorf("page %d has a wrong header", id)
	}
	for i := id; i < id+pages; i++ {
		if c.used[i] {
			return nil, fmt.Errorf("page %d is in use twice", i)
		}
		c.used[i] = true
	}
	page := make([]byte, int64(pages)*c.image.pageSize)
	_, err := c.file.ReadAt(page, int64(id)*c.image.pageSize)
	return page, err
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

// tree checks a page and what is below it. Its keys lie from least (inclusive) to
// bound (exclusive), where these are not nil.
func (c *pageChecker) tree(id uint64, least, bound []byte, depth int) error {
	if depth == 0 {
		return fmt.Errorf("page %d lies too deep", id)
	}
	page, err := c.take(id)
	if err != nil {
		return err
	}
	return c.elements(id, page, least, bound, depth)
}

// elements checks the elements of a branch or leaf page.
func (c *pageChecker) elements(id uint64, page, least, bound []byte, depth int) error {
	ne := binary.NativeEndian
	flags, count := ne.Uint16(page[8:]), int(ne.Uint16(page[10:]))
	if flags != branchPage && flags != leafPage || boltPageHeader+count*elementSize > len(page) || flags == branchPage && count == 0 {
		return fmt.Errorf("page %d has a wrong header", id)
	}
	keys := make([][]byte, count+1)
	keys[count] = bound
	for i := range count {
		var err error
		if keys[i], _, err = element(page, i, flags); err != nil {
			return fmt.Errorf("page %d: %w", id, err)
		}
		if i == 0 && least != nil && bytes.Compare(keys[i], least) < 0 || i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 ||
			bound != nil && bytes.Compare(keys[i], bound) >= 0 {
			return fmt.Errorf("page %d has its keys out of order", id)
		}
	}
	for i := range count {
		if err := c.child(id, page, i, flags, keys[i], keys[i+1], depth); err != nil {
			return err
		}
	}
	return nil
}

// element returns the key and value of a page's element; of a branch page, only
// the key.
func element(page []byte, i int, flags uint16) (key, value []byte, err error) {
	ne := binary.NativeEndian
	at := boltPageHeader + i*elementSize
	e := page[at : at+elementSize]
	var pos, ksize, vsize uint64
	if flags == branchPage {
		pos, ksize = uint64(ne.Uint32(e)), uint64(ne.Uint32(e[4:]))
	} else {
		pos, ksize, vsize = uint64(ne.Uint32(e[4:])), uint64(ne.Uint32(e[8:])), uint64(ne.Uint32(e[12:]))
	}
	start := uint64(at) + pos
	if start+ksize+vsize > uint64(len(page)) {
		return nil, nil, fmt.Errorf("element %d points outside", i)
	}
	return page[start : start+ksize], page[start+ksize : start+ksize+vsize], nil
}

// child checks what an element leads to: a page further down, or a bucket.
func (c *pageChecker) child(id uint64, page []byte, i int, flags uint16, key, next []byte, depth int) error {
	ne := binary.NativeEndian
	e := page[boltPageHeader+i*elementSize:]
	if flags == branchPage {
		return c.tree(ne.Uint64(e[8:]), key, next, depth-1)
	}
	if ne.Uint32(e)&bucketLeaf == 0 {
		return nil
	}
	_, value, err := element(page, i, flags)
	if err != nil {
		return err
	}
	if len(value) < bucketHeader {
		return fmt.Errorf("page %d: bucket %d is cut", id, i)
	}
	if root := ne.Uint64(value); root != 0 {
		return c.tree(root, nil, nil, depth-1)
	}
	if inline := value[bucketHeader:]; len(inline) >= boltPageHeader {
		return c.elements(id, inline, nil, nil, depth-1)
	}
	return fmt.Errorf("page %d: bucket %d is cut", id, i)
}
