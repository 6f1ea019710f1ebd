package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	bolt "go.etcd.io/bbolt"
)

var (
	bucketMeta   = []byte("meta")
	bucketEvents = []byte("events")
	keyIdentity  = []byte("identity")
)

// session is the log, opened under the lease for one transaction, and found to be
// what its seal says.
type session struct {
	log      *Log
	lease    *lease
	file     *os.File // what is read is read here, checked
	db       *bolt.DB // what is written is written here; nil: the session only reads
	tx       *bolt.Tx
	identity Identity
	seal     *seal // nil: there was none
	image    image
	size     int64
	blocks   node // the top of the bucket of blocks
	head     position
	idx      *index  // once it was needed
	block    block   // the block that was looked into last
	events   []Event // its events, once they were needed
}

// access is what a session does with the log's file.
type access uint8

const (
	reading   access = iota
	replacing        // it puts another file in its place
	writing          // it has a transaction of bbolt
)

// read runs fn on the log as it is. fn must copy what it keeps.
func (l *Log) read(ctx context.Context, fn func(*session) error) error {
	h, err := l.acquire(ctx, false)
	if err != nil {
		return err
	}
	defer h.release()
	return l.session(ctx, h, reading, fn)
}

// session opens the log under a lease, runs fn, and rolls back what fn did not
// commit.
func (l *Log) session(ctx context.Context, h *lease, mode access, fn func(*session) error) error {
	s := &session{log: l, lease: h}
	defer s.close()
	if err := s.inspect(ctx, mode); err != nil {
		return err
	}
	if err := s.open(false); err != nil {
		return err
	}
	if mode != writing {
		return fn(s)
	}
	if err := l.brokenBy(nil); err != nil {
		return err
	}
	return s.guard(func() error {
		if err := s.begin(); err != nil {
			return err
		}
		return fn(s)
	})
}

// guard runs fn on the file that bbolt maps. Where the file cannot be read or is not what
// bbolt expects, the log is not written again by this process.
func (s *session) guard(fn func() error) error {
	abandoned, err := guarded(s.log.Path(), fn)
	if !abandoned {
		return err
	}
	s.db, s.tx = nil, nil
	return s.log.brokenBy(err)
}

// guarded turns page faults on a file that bbolt maps, and bbolt's panics on what it
// finds there, into errors. The handle is abandoned then, because closing it would hang.
func guarded(path string, fn func() error) (abandoned bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		abandoned = true
		if fault, ok := r.(interface{ Addr() uintptr }); ok { // of the runtime: the mapping has no such page
			err = fmt.Errorf("%s could not be read while it was written to: %v: the disk failed, or another program cut the file", path, fault)
			return
		}
		err = &DamageError{Path: path, What: fmt.Sprintf("writing to it failed: %v", r)}
	}()
	return false, fn()
}

func (s *session) damage(seq uint64, format string, args ...any) error {
	return &DamageError{Path: s.log.Path(), Seq: seq, What: fmt.Sprintf(format, args...)}
}

// fault returns the error for what was met on the way to an event: damage, if it was
// read and is wrong.
func (s *session) fault(seq uint64, err error) error {
	if unreadable(err) {
		return err
	}
	return s.damage(seq, "%v", err)
}

// open holds an inspected file against its seal and finds its head. With accept set, a
// log unlike its seal is taken as it is, for the caller to check.
func (s *session) open(accept bool) error {
	if !accept {
		if err := s.checkSeal(); err != nil {
			return err
		}
	}
	if err := s.readIdentity(); err != nil {
		return err
	}
	var err error
	if s.head, err = s.readHead(); err != nil || accept {
		return err
	}
	return s.settle()
}

// begin hands the file to bbolt, locked as it is, and begins to write. The pages on the
// way to the head, which bbolt will follow, were checked when the head was read, and
// nobody can have changed them since.
func (s *session) begin() error {
	options := bolt.Options{
		FreelistType: bolt.FreelistArrayType,
		OpenFile:     func(string, int, fs.FileMode) (*os.File, error) { return s.file, nil },
	}
	db, err := bolt.Open(s.log.Path(), 0o644, &options)
	if err != nil {
		return fmt.Errorf("open %s: %w", s.log.Path(), err)
	}
	s.db = db
	db.AllocSize = int(min(max(s.size/8, 128<<10), 64<<20))
	s.tx, err = db.Begin(true)
	return err
}

// inspect opens and locks the file, and reads the seal and the file's image.
func (s *session) inspect(ctx context.Context, mode access) error {
	file, openErr := s.log.openFile(ctx, mode, s.lease.deadline)
	s.file = file
	var err error
	if s.lease.file != nil {
		if s.seal, err = sealIn(s.lease.file); err != nil {
			return err
		}
	}
	if errors.Is(openErr, fs.ErrNotExist) {
		if s.seal != nil {
			return s.damage(0, "the file is gone, but %s remembers %d events in it; "+
				"put it back from a backup, or remove %s too to begin a new log", LockFileName, s.seal.head.seq, LockFileName)
		}
		if err := s.log.gone(); err != nil {
			return err
		}
		return ErrNoLog
	}
	if openErr != nil {
		return openErr
	}
	return s.examine()
}

// examine reads the image of the open file.
func (s *session) examine() error {
	var err error
	s.image, s.size, err = readImage(s.file)
	if errors.Is(err, errNoMeta) && s.seal == nil {
		return fmt.Errorf("%w: %s is some other file", ErrNotALog, s.log.Path())
	}
	if err != nil {
		return s.fault(0, err)
	}
	return nil
}

// checkSeal compares what the seal says of the last commit with the file.
func (s *session) checkSeal() error {
	switch {
	case s.seal == nil || s.seal.txid < s.image.txid:
		return nil // settle looks closer
	case s.seal.txid > s.image.txid:
		return s.damage(0, "its newest commit is lost (it ends at transaction %d, %s has seen %d): "+
			"the file is damaged, or an older copy; `explog verify --accept` takes it as it is", s.image.txid, LockFileName, s.seal.txid)
	case s.seal.metaCRC != s.image.metaCRC:
		return s.damage(0, "its meta page is not the one that was written; if the file was put back from a copy, "+
			"`explog verify --accept` takes it as it is")
	case s.seal.freelistCRC != s.image.freelistCRC:
		return s.damage(0, "its freelist is not the one that was written")
	}
	return nil
}

// settle ends the comparison now that the log can be read: it is the sealed one
// to the last event, or it went on from there, and then it is checked and sealed.
func (s *session) settle() error {
	if s.seal == nil {
		return s.checkAndSeal(genesis(s.identity.ID))
	}
	if err := s.compareHead(); err != nil {
		return err
	}
	if s.seal.txid < s.image.txid {
		return s.checkAndSeal(s.seal.head)
	}
	return s.log.follows(s)
}

// compareHead compares the sealed log and its head with what the file has.
func (s *session) compareHead() error {
	if s.seal.log != s.identity.ID {
		return s.damage(0, "it is log %s, but %s belongs to log %s; `explog verify --accept` takes it as it is",
			s.identity.ID, LockFileName, s.seal.log)
	}
	if s.seal.txid == s.image.txid && s.seal.head != s.head {
		return s.damage(s.head.seq, "it ends at event %d, but %d were written", s.head.seq, s.seal.head.seq)
	}
	return nil
}

// checkAndSeal checks every page of the file, follows the chain from a position to
// the head, makes what it found durable and seals it.
func (s *session) checkAndSeal(from position) error {
	if from.seq > s.head.seq {
		return s.damage(s.head.seq, "it ends at event %d, but %d were written", s.head.seq, from.seq)
	}
	if err := s.checkPages(); err != nil {
		return err
	}
	if err := s.walk(from); err != nil {
		return err
	}
	if err := s.log.follows(s); err != nil {
		return err
	}
	if !s.lease.writable {
		return nil
	}
	if s.lease.made {
		return s.writeSeal(0)
	}
	if err := s.persist(); readOnly(err) {
		return nil // whoever may write to it will do so
	} else if err != nil {
		return fmt.Errorf("sync %s: %w", s.log.Path(), err)
	}
	return s.writeSeal(0)
}

// checkPages checks that each page is in use or free and not both.
func (s *session) checkPages() error {
	if err := checkPages(s.file, s.image); err != nil {
		return s.fault(0, err)
	}
	return nil
}

// writeSeal seals the file as it is, counting duplicates turned away.
func (s *session) writeSeal(turnedAway uint64) error {
	next := seal{
		log: s.identity.ID, txid: s.image.txid, head: s.head,
		metaCRC: s.image.metaCRC, freelistCRC: s.image.freelistCRC, turnedAway: turnedAway,
	}
	if s.seal != nil {
		next.turnedAway += s.seal.turnedAway
	}
	if err := s.lease.writeSeal(next); err != nil {
		return err
	}
	s.seal = &next
	return nil
}

const identitySize = 29

func encodeIdentity(id Identity) []byte {
	b := append([]byte{byte(id.Format)}, id.ID[:]...)
	b = le.AppendUint64(b, uint64(id.Created.UnixMicro()))
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func (s *session) readIdentity() error {
	t := tree{s.file, s.image}
	meta, isLog, err := t.bucket(bucketMeta)
	if err == nil && isLog {
		s.blocks, isLog, err = t.bucket(bucketEvents)
	}
	if err != nil {
		return s.fault(0, err)
	}
	if !isLog {
		if s.seal == nil {
			return fmt.Errorf("%w: %s is a bbolt file of another program", ErrNotALog, s.log.Path())
		}
		return s.damage(0, "a bucket is missing")
	}
	var b []byte
	if leaf, i, err := t.floor(meta, keyIdentity); unreadable(err) {
		return err
	} else if err == nil && i >= 0 && bytes.Equal(leaf.key(i), keyIdentity) {
		b = leaf.value(i)
	}
	if len(b) != identitySize || crc32.Checksum(b[:identitySize-4], castagnoli) != le.Uint32(b[identitySize-4:]) {
		return s.damage(0, "its identity record is missing or wrong")
	}
	if b[0] != 1 {
		return fmt.Errorf("%w: %s has format %d, this program reads 1; use a newer explog", ErrNotALog, s.log.Path(), b[0])
	}
	s.identity = Identity{
		ID: uuid.UUID(b[1:17]), Format: int(b[0]), Created: time.UnixMicro(int64(le.Uint64(b[17:]))).UTC(),
	}
	return nil
}

// readHead finds the end of the log in its last block.
func (s *session) readHead() (position, error) {
	b, ok, err := s.floor(nil)
	if err != nil || !ok {
		return genesis(s.identity.ID), err
	}
	return position{b.last(), b.end}, nil
}

// floor returns the last block whose first event is at most the one that a key
// names; a nil key is beyond all.
func (s *session) floor(key []byte) (b block, ok bool, err error) {
	leaf, i, err := tree{s.file, s.image}.floor(s.blocks, key)
	if err != nil {
		return block{}, false, s.fault(0, err)
	}
	if i < 0 {
		return block{}, false, nil
	}
	if b, err = openBlock(leaf.key(i), leaf.value(i)); err != nil {
		return b, false, s.damage(b.first, "%v", err)
	}
	return b, true, nil
}

// ascend visits the blocks from the one that holds event seq, or else the next,
// until visit returns false. The error of a block that is none is visit's business.
func (s *session) ascend(seq uint64, visit func(block, error) (bool, error)) error {
	b, ok, err := s.floor(seqKey(seq))
	if unreadable(err) {
		return err
	}
	if err == nil && ok && b.last() >= seq {
		seq = b.first
	}
	err = tree{s.file, s.image}.ascend(s.blocks, seqKey(seq), func(key, value []byte) (bool, error) {
		return visit(openBlock(key, value))
	})
	var damage *DamageError
	if err == nil || errors.As(err, &damage) {
		return err
	}
	return s.fault(0, err)
}

// close ends the session; what was not committed is gone.
func (s *session) close() {
	if s.tx != nil {
		_ = s.tx.Rollback() // after a commit it says that there is none: fine
	}
	if s.db != nil {
		_ = s.db.Close() // only reads are pending
	}
	if s.file != nil {
		s.file.Close()
	}
	if s.idx != nil {
		s.idx.file.Close()
	}
}
