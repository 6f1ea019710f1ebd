package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"os"
)

// bbolt maps its file and trusts it. This file reads, before bbolt does, what
// bbolt would trust: the meta pages, the size that they claim and the freelist.
// The layout is bbolt's file format 2, in the byte order of the machine
// (go.etcd.io/bbolt, internal/common: page.go, meta.go).

const (
	boltMagic        = 0xED0CDAED
	boltVersion      = 2
	boltPageHeader   = 16 // u64 id, u16 flags, u16 count, u32 overflow
	boltMetaSize     = 64 // and the page header before it: 80 bytes
	boltFreelistFlag = 0x10
	metaPrefix       = boltPageHeader + boltMetaSize
)

// image is what the newest valid meta page of a bbolt file says.
type image struct {
	meta        [metaPrefix]byte // the page's first bytes
	metaAt      int64            // their offset
	pageSize    int64
	txid        uint64
	root        uint64 // page of the file's buckets
	freelist    uint64 // its page
	highWater   uint64 // pages in use
	metaCRC     uint32
	freelistCRC uint32
}

var errNoMeta = errors.New("it has no valid meta page")

// readImage reads a bbolt file's image and checks the file's size against it.
func readImage(f *os.File) (image, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return image{}, 0, err
	}
	im, err := newestMeta(f)
	if err != nil {
		return image{}, info.Size(), err
	}
	if claimed := int64(im.highWater) * im.pageSize; info.Size() < claimed {
		return image{}, info.Size(), fmt.Errorf("it is cut: %d bytes of %d", info.Size(), claimed)
	}
	im.freelistCRC, err = checksumFreelist(f, im)
	return im, info.Size(), err
}

// newestMeta finds the meta pages as bbolt does: the first says where the second
// is, and if the first is damaged every page size is tried. A page that cannot be
// read is an error: to take the other one would be to lose the last commit.
func newestMeta(f io.ReaderAt) (image, error) {
	first, ok, err := readMeta(f, 0)
	if err != nil {
		return image{}, err
	}
	sizes := []int64{first.pageSize}
	if !ok {
		sizes = sizes[:0]
		for size := int64(1 << 10); size <= 1<<16; size <<= 1 {
			sizes = append(sizes, size)
		}
	}
	best := first
	for _, size := range sizes {
		second, valid, err := readMeta(f, size)
		if err != nil {
			return image{}, err
		}
		if valid && second.pageSize == size && (!ok || second.txid > best.txid) {
			best, ok = second, true
		}
	}
	if !ok {
		return image{}, errNoMeta
	}
	return best, nil
}

// readMeta reads a meta page; ok is false where there is no valid one.
func readMeta(f io.ReaderAt, offset int64) (im image, ok bool, err error) {
	var page [metaPrefix]byte
	if _, err := f.ReadAt(page[:], offset); errors.Is(err, io.EOF) {
		return image{}, false, nil
	} else if err != nil {
		return image{}, false, err
	}
	ne, m := binary.NativeEndian, page[boltPageHeader:]
	sum := fnv.New64a()
	sum.Write(m[:boltMetaSize-8])
	if ne.Uint32(m) != boltMagic || ne.Uint32(m[4:]) != boltVersion || ne.Uint64(m[56:]) != sum.Sum64() {
		return image{}, false, nil
	}
	return image{
		meta: page, metaAt: offset,
		pageSize:  int64(ne.Uint32(m[8:])),
		root:      ne.Uint64(m[16:]),
		freelist:  ne.Uint64(m[32:]),
		highWater: ne.Uint64(m[40:]),
		txid:      ne.Uint64(m[48:]),
		metaCRC:   crc32.Checksum(page[:], castagnoli),
	}, true, nil
}

// checksumFreelist reads all pages of the freelist. Its header must be sound:
// bbolt believes it without a look.
func checksumFreelist(f io.ReaderAt, im image) (uint32, error) {
	if im.freelist < 2 || im.freelist >= im.highWater {
		return 0, fmt.Errorf("its freelist is at page %d of %d", im.freelist, im.highWater)
	}
	var header [boltPageHeader]byte
	if _, err := f.ReadAt(header[:], int64(im.freelist)*im.pageSize); err != nil {
		return 0, err
	}
	ne := binary.NativeEndian
	overflow := uint64(ne.Uint32(header[12:]))
	if ne.Uint64(header[:]) != im.freelist || ne.Uint16(header[8:]) != boltFreelistFlag ||
		im.freelist+overflow >= im.highWater {
		return 0, fmt.Errorf("page %d is not the freelist that it should be", im.freelist)
	}
	at, left := int64(im.freelist)*im.pageSize, int64(overflow+1)*im.pageSize
	buf := make([]byte, min(left, 1<<16))
	var crc uint32
	for left > 0 {
		chunk := buf[:min(left, int64(len(buf)))]
		if _, err := f.ReadAt(chunk, at); err != nil {
			return 0, err
		}
		crc = crc32.Update(crc, castagnoli, chunk)
		at, left = at+int64(len(chunk)), left-int64(len(chunk))
	}
	return crc, nil
}
