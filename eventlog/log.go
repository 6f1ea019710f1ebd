// Package eventlog keeps events: in order, durably, each UUID once, for ever.
//
// The log is a bbolt file of compressed, checksummed blocks with a hash chain
// over the events; FORMAT.md beside this file is the contract. The package
// guarantees that [Log.Append] returns only when its events are on disk, that an
// event whose UUID is in the log is not appended again, and that whoever reads
// gets the events that were written, in order and whole, or an error that names
// what is damaged.
//
// bbolt writes the file; reading goes through checked pages of our own (tree.go).
// The index of UUIDs (index.go) is a derived file beside it.
//
// Several processes may use one log at once. None keeps the file open: each takes
// a lease, opens, makes one transaction, closes and lets go, so that all wait
// their turn for milliseconds.
//
// The log does not know what a payload means, nor who reads it.
package eventlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Event is one entry of the log. The log gives Seq, RecordedAt and Hash; an
// appender sets the others.
type Event struct {
	Seq        uint64 // from 1, without gaps
	ID         uuid.UUID
	Type       uint16
	Version    uint16    // of the payload's layout
	RecordedAt time.Time // UTC, microseconds
	Data       []byte
	Hash       Hash // of the chain, after this event
}

// Hash is a SHA-256 value of the chain.
type Hash [32]byte

// MaxData is the most bytes that one event may carry.
const MaxData = 64 << 20

// Errors that callers tell apart with [errors.Is].
var (
	// ErrNoLog: there is no log in the folder.
	ErrNoLog = errors.New("eventlog: no log here")
	// ErrNotALog: events.db is some other file.
	ErrNotALog = errors.New("eventlog: not a log")
	// ErrDamaged: bytes are not what was written; see [DamageError].
	ErrDamaged = errors.New("eventlog: the log is damaged")
	// ErrLocked: others held the log for longer than the lock timeout.
	ErrLocked = errors.New("eventlog: the log is in use")
	// ErrTooLarge: an event is over MaxData.
	ErrTooLarge = errors.New("eventlog: event too large")
)

// DamageError says what is damaged. It is an [ErrDamaged].
type DamageError struct {
	Path string
	Seq  uint64 // first event that is concerned; 0: not one event
	What string
}

func (e *DamageError) Error() string {
	at := ""
	if e.Seq > 0 {
		at = fmt.Sprintf(" at event %d", e.Seq)
	}
	return fmt.Sprintf("%s is damaged%s: %s", e.Path, at, e.What)
}

// Unwrap makes the error an [ErrDamaged].
func (e *DamageError) Unwrap() error { return ErrDamaged }

// Options of a log. The zero value is ready to use.
type Options struct {
	// LockTimeout bounds the wait for other processes; 0 means 30 s.
	LockTimeout time.Duration
	// Now gives the time that events are recorded at; nil means [time.Now].
	Now func() time.Time
}

// Log is a log in a folder. It holds no file open; it is safe for concurrent use.
type Log struct {
	dir  string
	name string // of the file in it
	opts Options

	turn     chan struct{} // held by the appender that commits for all
	mu       sync.Mutex
	waiting  []*request
	arrived  chan struct{} // somebody waits
	group    group         // the last commit; of who has the turn
	broken   error         // a fault left a bbolt handle that cannot be closed
	unqueued atomic.Bool   // the folder cannot be locked
	known    *known        // what this process has seen of the log; nil: nothing yet
}

// brokenBy remembers the first error after which the log is not usable by this
// process any more, and returns it.
func (l *Log) brokenBy(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = err
	}
	return l.broken
}

// The names of the files in the folder.
const (
	FileName     = "events.db"
	LockFileName = "events.lock"
)

// New returns the log in a folder. It touches no file: the log is made by the
// first append, and reading one that is not there is [ErrNoLog].
func New(dir string, opts Options) *Log {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = 30 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Log{dir: dir, name: FileName, opts: opts, turn: make(chan struct{}, 1), arrived: make(chan struct{}, 1)}
}

// Path returns the path of the log's file.
func (l *Log) Path() string { return filepath.Join(l.dir, l.name) }

// Exists reports whether there is a log. A lock file with a seal but without a
// log counts as one, so that a lost log is an error and not a fresh start.
func (l *Log) Exists() (bool, error) {
	_, err := os.Stat(l.Path())
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	s, err := readSeal(filepath.Join(l.dir, LockFileName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	return s != nil, nil
}

// Identity says which log it is.
type Identity struct {
	ID      uuid.UUID
	Format  int // of the file
	Created time.Time
}

// Head is where the log ends.
type Head struct {
	Identity
	Seq        uint64 // of the last event; 0: the log is empty
	Hash       Hash
	FileSize   int64  // of the log's file, bytes
	Links      uint64 // names of the log's file; more than 1: it has hard links
	TurnedAway uint64 // duplicates that were not appended, about
}

func (h Head) position() position { return position{h.Seq, h.Hash} }

// Head returns where the log ends.
func (l *Log) Head(ctx context.Context) (h Head, err error) {
	err = l.read(ctx, func(s *session) error {
		h, err = s.headNow()
		return err
	})
	return h, err
}

// headNow returns where the open log ends.
func (s *session) headNow() (Head, error) {
	info, err := s.file.Stat()
	if err != nil {
		return Head{}, err
	}
	h := Head{Identity: s.identity, Seq: s.head.seq, Hash: s.head.hash, FileSize: s.size, Links: links(info)}
	if s.seal != nil {
		h.TurnedAway = s.seal.turnedAway
	}
	return h, nil
}
