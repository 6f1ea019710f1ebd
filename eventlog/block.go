package eventlog

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
)

// The codec of blocks: bytes in, bytes out. FORMAT.md has the layout.

const (
	blockFormat = 1

	codecRaw  = 0
	codecZstd = 1

	maxBlockEvents = 256
	blockHeader    = 48
	eventHeader    = 16

	// A block is closed when it holds this many bytes, so that a reader of one
	// event never unpacks more than this and that event.
	targetBlockSize = 1 << 20
	maxBlockSize    = targetBlockSize + MaxData + eventHeader
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
	be         = binary.BigEndian
)

// position is a place in the log: after event seq the chain has hash.
type position struct {
	seq  uint64
	hash Hash
}

// genesis is the position before the first event.
func genesis(log uuid.UUID) position {
	return position{hash: sha256.Sum256(log[:])}
}

// next returns the position after an event.
func (p position) next(ev *Event) position {
	var head [12]byte
	putEventHead(head[:], ev)
	inner := sha256.New()
	inner.Write(head[:])
	inner.Write(ev.Data)
	var link [32 + 8 + 16 + 32]byte
	copy(link[:], p.hash[:])
	be.PutUint64(link[32:], p.seq+1)
	copy(link[40:], ev.ID[:])
	inner.Sum(link[:56])
	return position{p.seq + 1, sha256.Sum256(link[:])}
}

// putEventHead writes type, version and recorded-at: 12 bytes.
func putEventHead(dst []byte, ev *Event) {
	le.PutUint16(dst[0:], ev.Type)
	le.PutUint16(dst[2:], ev.Version)
	le.PutUint64(dst[4:], uint64(ev.RecordedAt.UnixMicro()))
}

var newEncoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(min(maxParallel, runtime.GOMAXPROCS(0))), zstd.WithWindowSize(targetBlockSize))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
})

var newDecoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxBlockSize), zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
})

// encodeBlock packs 1 to 256 events that follow position p, and returns the block
// with the position after it. It sets the events' Seq and Hash.
func encodeBlock(p position, events []Event) ([]byte, position) {
	p = p.chain(events)
	return packBlock(events), p
}

// chain sets Seq and Hash of events that follow, and returns the position after them.
func (p position) chain(events []Event) position {
	for i := range events {
		p = p.next(&events[i])
		events[i].Seq, events[i].Hash = p.seq, p.hash
	}
	return p
}

// packBlocks packs events that are chained into blocks, side by side.
func packBlocks(blocks [][]Event) [][]byte {
	values := make([][]byte, len(blocks))
	inParallel(len(blocks), func(i int) { values[i] = packBlock(blocks[i]) })
	return values
}

// maxParallel bounds what is done at once. A batch of an import has some eight blocks,
// and each encoder takes memory of its own.
const maxParallel = 4

// inParallel calls do with each number below n, on several processors.
func inParallel(n int, do func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			do(i)
		}
	}
	var others sync.WaitGroup
	for range min(n, maxParallel, runtime.GOMAXPROCS(0)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// packBlock packs 1 to 256 events that are chained.
func packBlock(events []Event) []byte {
	first, last := events[0].Seq, events[len(events)-1]
	size := 0
	for i := range events {
		size += eventHeader + len(events[i].Data)
	}
	raw := make([]byte, 0, size)
	for i := range events {
		ev := &events[i]
		var head [eventHeader]byte
		putEventHead(head[:], ev)
		le.PutUint32(head[12:], uint32(len(ev.Data)))
		raw = append(append(raw, head[:]...), ev.Data...)
	}
	ids := blockHeader + 16*len(events)
	value := make([]byte, ids, ids+len(raw)/2)
	value[0], value[1] = blockFormat, codecZstd
	value = newEncoder().EncodeAll(raw, value)
	if len(value)-ids >= len(raw) {
		value[1] = codecRaw
		value = append(value[:ids], raw...)
	}
	le.PutUint16(value[2:], uint16(len(events)))
	le.PutUint32(value[4:], uint32(len(raw)))
	le.PutUint32(value[8:], uint32(len(value)-ids))
	copy(value[16:], last.Hash[:])
	for i := range events {
		copy(value[blockHeader+16*i:], events[i].ID[:])
	}
	le.PutUint32(value[12:], blockCRC(first, value))
	return value
}

func blockCRC(first uint64, value []byte) uint32 {
	var key [8]byte
	be.PutUint64(key[:], first)
	crc := crc32.Checksum(key[:], castagnoli)
	crc = crc32.Update(crc, castagnoli, value[:12])
	return crc32.Update(crc, castagnoli, value[16:])
}

// block is a block whose framing and checksum hold.
type block struct {
	first uint64
	count int
	end   Hash // of the chain after its last event
	value []byte
}

func (b block) last() uint64 { return b.first + uint64(b.count) - 1 }

func (b block) id(i int) uuid.UUID { return uuid.UUID(b.value[blockHeader+16*i:]) }

// openBlock checks framing and checksum. It refers to value.
func openBlock(key, value []byte) (block, error) {
	if len(key) != 8 {
		return block{}, fmt.Errorf("a block's key has %d bytes instead of 8", len(key))
	}
	b := block{first: be.Uint64(key), value: value}
	if len(value) < blockHeader {
		return b, fmt.Errorf("the block has %d bytes, too few for its header", len(value))
	}
	if blockCRC(b.first, value) != le.Uint32(value[12:]) {
		return b, errors.New("the block's checksum does not match")
	}
	if value[0] != blockFormat {
		return b, fmt.Errorf("the block has format %d, this program reads %d; use a newer explog", value[0], blockFormat)
	}
	b.count = int(le.Uint16(value[2:]))
	copy(b.end[:], value[16:])
	if b.count < 1 || b.count > maxBlockEvents || b.first == 0 ||
		len(value) != blockHeader+16*b.count+int(le.Uint32(value[8:])) {
		return b, errors.New("the block's header contradicts itself")
	}
	return b, nil
}

// events unpacks a block. Seq is set, Hash is not: see [block.chained].
func (b block) events() ([]Event, error) {
	raw, err := b.payload()
	if err != nil {
		return nil, err
	}
	events := make([]Event, b.count)
	for i := range events {
		if len(raw) < eventHeader || uint64(len(raw)-eventHeader) < uint64(le.Uint32(raw[12:])) {
			return nil, errors.New("the block's payload ends early")
		}
		end := eventHeader + int(le.Uint32(raw[12:]))
		events[i] = Event{
			Seq:        b.first + uint64(i),
			ID:         b.id(i),
			Type:       le.Uint16(raw),
			Version:    le.Uint16(raw[2:]),
			RecordedAt: time.UnixMicro(int64(le.Uint64(raw[4:]))).UTC(),
			Data:       raw[eventHeader:end:end],
		}
		raw = raw[end:]
	}
	if len(raw) > 0 {
		return nil, errors.New("the block's payload goes on behind its last event")
	}
	return events, nil
}

func (b block) payload() ([]byte, error) {
	stored, size := b.value[blockHeader+16*b.count:], int(le.Uint32(b.value[4:]))
	switch b.value[1] {
	case codecRaw:
		if len(stored) != size {
			return nil, errors.New("the block's payload has another length than its header says")
		}
		return stored, nil
	case codecZstd:
		if size > maxBlockSize {
			return nil, fmt.Errorf("the block claims %d bytes", size)
		}
		raw, err := newDecoder().DecodeAll(stored, make([]byte, 0, size))
		if err != nil {
			return nil, fmt.Errorf("the block does not unpack: %w", err)
		}
		if len(raw) != size {
			return nil, errors.New("the block's payload has another length than its header says")
		}
		return raw, nil
	}
	return nil, fmt.Errorf("the block has codec %d, which this program does not know; use a newer explog", b.value[1])
}

// chained unpacks the events of a block that follow position p, checks the chain
// through them, and returns them and the position after. The block may begin
// before p: compacting packs events into other blocks.
func (b block) chained(p position) ([]Event, position, error) {
	if b.first > p.seq+1 || b.last() <= p.seq {
		return nil, p, fmt.Errorf("event %d follows event %d", b.first, p.seq)
	}
	events, err := b.events()
	if err != nil {
		return nil, p, err
	}
	events = events[p.seq+1-b.first:]
	for i := range events {
		p = p.next(&events[i])
		events[i].Hash = p.hash
	}
	if p.hash != b.end {
		return nil, p, errors.New("the hash chain is broken: an event is not the one that was written")
	}
	return events, p, nil
}

// blockOf returns how many of the events go into the next block.
func blockOf(events []Event) int {
	size := 0
	for i := range events {
		if size += eventHeader + len(events[i].Data); i > 0 && size > targetBlockSize || i == maxBlockEvents {
			return i
		}
	}
	return len(events)
}
