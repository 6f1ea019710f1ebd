package main

import (
	"sync"

	"github.com/explog/explog"
)

// captureVoice says on standard error what happens during a capture, and has the
// standard output of one.
type captureVoice struct {
	c          *console
	out        *lossy
	lookalikes lookalikes
	records    *importVoice
	tell       func(explog.ImportResult)
	told       func()
}

func newCaptureVoice(c *console) *captureVoice {
	v := &captureVoice{c: c, out: &lossy{w: c.out}, records: newImportVoice(c, explog.ImportOptions{}, false)}
	v.tell, v.told = unhurried(v.records.result)
	return v
}

// end says the rest, and returns the exit code: see [lossy.end].
func (v *captureVoice) end(r explog.ImportReport, code int, err error) int {
	v.told()
	v.records.end(r, err)
	v.lookalikes.tell(v.c)
	return v.out.end(v.c, code)
}

// unhurried returns a function that takes results without waiting for whoever is
// told of them: a standard error that nobody reads must not hold up the saving. What
// there is nothing to say about is dropped. told waits until all is told.
func unhurried(result func(explog.ImportResult)) (tell func(explog.ImportResult), told func()) {
	var mu sync.Mutex
	var waiting []explog.ImportResult
	wake, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for range wake {
			mu.Lock()
			now := waiting
			waiting = nil
			mu.Unlock()
			for _, r := range now {
				result(r)
			}
		}
	}()
	tell = func(r explog.ImportResult) {
		if r.Clamped == nil && r.Noted == nil && (r.Status == explog.New || r.Status == explog.Duplicate) {
			return
		}
		mu.Lock()
		waiting = append(waiting, r)
		mu.Unlock()
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	told = sync.OnceFunc(func() {
		close(wake)
		<-ended
	})
	return tell, told
}
