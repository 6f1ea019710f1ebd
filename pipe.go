package explog

import (
	"context"
	"errors"
	"io"
	"time"
)

// chunk is what one read of an input gave.
type chunk struct {
	data []byte // valid until the next chunk is received
	err  error
}

// readChunks reads r in a goroutine until it ends, or until ended is closed and the
// read that is under way returns.
func readChunks(r io.Reader, ended <-chan struct{}) <-chan chunk {
	chunks := make(chan chunk)
	go func() {
		var bufs [2][64 << 10]byte // one is read into while the other is used
		for i := 0; ; i ^= 1 {
			n, err := r.Read(bufs[i][:])
			select {
			case chunks <- chunk{bufs[i][:n], err}:
			case <-ended:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return chunks
}

const (
	// idleTime is how long nothing comes from a pipe before what came is saved.
	idleTime = 50 * time.Millisecond
	// longestUnsaved is how long records from a pipe that never pauses may wait.
	longestUnsaved = 500 * time.Millisecond
)

// pipe reads an input that may pause, and reports its pauses. It ends with its
// context, though a read may go on.
type pipe struct {
	chunks   <-chan chunk
	ended    chan struct{}
	canceled <-chan struct{}
	cause    func() error // why it was canceled
	stop     <-chan struct{}
	paused   func() // called from Read
	last     time.Time
	rest     []byte
	err      error
}

func newPipe(ctx context.Context, r io.Reader, stop <-chan struct{}, paused func()) *pipe {
	p := &pipe{ended: make(chan struct{}), canceled: ctx.Done(), cause: ctx.Err, stop: stop, paused: paused, last: time.Now()}
	p.chunks = readChunks(r, p.ended)
	return p
}

func (p *pipe) close() { close(p.ended) }

func (p *pipe) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		c := p.next()
		p.rest, p.err = c.data, c.err
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// next waits for the next chunk, and reports a pause meanwhile.
func (p *pipe) next() chunk {
	if time.Since(p.last) > longestUnsaved {
		p.pause()
	}
	select {
	case c := <-p.chunks:
		return c
	default:
	}
	idle := time.NewTimer(idleTime)
	defer idle.Stop()
	for {
		select {
		case c := <-p.chunks:
			return c
		case <-idle.C:
			p.pause()
		case <-p.canceled:
			return chunk{err: p.cause()}
		case <-p.stop:
			return chunk{err: errStopped}
		}
	}
}

// errStopped ends an input that is no longer read.
var errStopped = errors.New("explog: stopped")

func (p *pipe) pause() {
	p.paused()
	p.last = time.Now()
}

// canSeek reports whether an input is a file, or is in memory: it does not pause.
func canSeek(r io.Reader) bool {
	s, ok := r.(io.Seeker)
	if !ok {
		return false
	}
	_, err := s.Seek(0, io.SeekCurrent)
	return err == nil
}
