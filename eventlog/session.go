package eventlog

import (
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
	bolterrors "go.etcd.io/bbolt/errors"
)

var (
	bucketMeta   = []byte("meta")
	bucketEvents = []byte("events")
	bucketIDs    = []byte("ids")
	keyIdentity  = []byte("identity")
)

// session is the log, opened under the lease for one transaction, and found to be
// what its seal says.
type session struct {
	log      *Log
	lease    *lease
	file     *os.File // beside bbolt's own, to look at pages
	db       *bolt.DB
	tx       *bolt.Tx
	identity Identity
	seal     *seal // nil: there was none
	image    image
	size     int64
	head     position
}

// read runs fn on the log as it is. fn must copy what it keeps.
func (l *Log) read(ctx context.Context, fn func(*session) error) error {
	h, err := l.acquire(ctx, false)
	if err != nil {
		return err
	}
	defer h.release()
	return l.session(h, false, fn)
}

// session opens the log under a lease, begins a transaction, runs fn, and rolls
// back what fn did not commit. Memory faults (the file shrank, the disk cannot be
// read) come back as errors.
func (l *Log) session(h *lease, write bool, fn func(*session) error) (err error) {
	if err := l.brokenBy(nil); err != nil {
		return err
	}
	s := &session{log: l, lease: h}
	defer s.close()
	return s.guard(func() error {
		if err := s.open(write, false); err != nil {
			return err
		}
		return fn(s)
	})
}

// guard turns faults on the mapped file, and the panics of bbolt on what it finds
// there, into damage. A handle on which that happened outside a reading
// transaction is abandoned, because closing it would hang; it may keep bbolt's
// own lock, so the log is not used again by this process.
func (s *session) guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = s.damage(0, "reading it failed: %v", r)
			if s.tx == nil || s.tx.Writable() {
				s.db, s.tx = nil, nil
				err = s.log.brokenBy(err)
			}
		}
	}()
	return fn()
}

func (s *session) damage(seq uint64, format string, args ...any) error {
	return &DamageError{Path: s.log.Path(), Seq: seq, What: fmt.Sprintf(format, args...)}
}

// open holds the file against its seal, opens it and begins. With accept set, a
// log unlike its seal is taken as it is, for the caller to check.
func (s *session) open(write, accept bool) error {
	if err := s.inspect(); err != nil {
		return err
	}
	if !accept {
		if err := s.checkSeal(); err != nil {
			return err
		}
		if s.seal == nil || s.seal.txid < s.image.txid { // settle will follow its links
			if err := s.checkPages(); err != nil {
				return err
			}
		}
	}
	options := bolt.Options{ReadOnly: !write, Timeout: time.Second, FreelistType: bolt.FreelistArrayType}
	db, err := bolt.Open(s.log.Path(), 0o644, &options)
	if err != nil {
		return s.openError(err)
	}
	s.db = db
	db.AllocSize = int(min(max(s.size/8, 1<<20), 64<<20))
	if s.tx, err = db.Begin(write); err != nil {
		return err
	}
	if err := s.readIdentity(); err != nil {
		return err
	}
	if s.head, err = s.readHead(); err != nil {
		return err
	}
	if accept {
		return nil
	}
	return s.settle()
}

func (s *session) openError(err error) error {
	if errors.Is(err, bolterrors.ErrTimeout) {
		return fmt.Errorf("%w: a program other than explog has %s open", ErrLocked, s.log.Path())
	}
	return fmt.Errorf("open %s: %w", s.log.Path(), err)
}

// inspect reads the seal and the file's image, once.
func (s *session) inspect() error {
	if s.file != nil {
		return nil
	}
	var err error
	if s.lease.file != nil {
		if s.seal, err = sealIn(s.lease.file); err != nil {
			return err
		}
	}
	s.file, err = os.Open(s.log.Path())
	if errors.Is(err, fs.ErrNotExist) {
		if s.seal != nil {
			return s.damage(0, "the file is gone, but %s remembers %d events in it; "+
				"put it back from a backup, or remove %s too to begin a new log", LockFileName, s.seal.head.seq, LockFileName)
		}
		return ErrNoLog
	}
	if err != nil {
		return err
	}
	s.image, s.size, err = readImage(s.file)
	if errors.Is(err, errNoMeta) && s.seal == nil {
		return fmt.Errorf("%w: %s is some other file", ErrNotALog, s.log.Path())
	}
	if err != nil {
		return s.damage(0, "%v", err)
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
	return nil
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

// checkAndSeal follows the chain from a position to the head and seals what it
// found. The pages are checked before.
func (s *session) checkAndSeal(from position) error {
	if from.seq > s.head.seq {
		return s.damage(s.head.seq, "it ends at event %d, but %d were written", s.head.seq, from.seq)
	}
	if err := s.walk(from, func(block, []Event) error { return nil }); err != nil {
		return err
	}
	return s.writeSeal(0)
}

// checkPages checks that each page is in use or free and not both. It stands
// before the file is opened: bbolt follows a page that leads back to itself for
// ever.
func (s *session) checkPages() error {
	if err := checkPages(s.file, s.image); err != nil {
		return s.damage(0, "%v", err)
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
	meta := s.tx.Bucket(bucketMeta)
	if meta == nil || s.tx.Bucket(bucketEvents) == nil || s.tx.Bucket(bucketIDs) == nil {
		if s.seal == nil {
			return fmt.Errorf("%w: %s is a bbolt file of another program", ErrNotALog, s.log.Path())
		}
		return s.damage(0, "a bucket is missing")
	}
	b := meta.Get(keyIdentity)
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
	key, value := s.tx.Bucket(bucketEvents).Cursor().Last()
	if key == nil {
		return genesis(s.identity.ID), nil
	}
	b, err := openBlock(key, value)
	if err != nil {
		return position{}, s.damage(b.first, "%v", err)
	}
	return position{b.last(), b.end}, nil
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
}
