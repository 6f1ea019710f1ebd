package memfs

import "syscall"

// Request is what a program asks the file system to do.
type Request struct {
	// Op is open, create, read, write, truncate, sync, rename, unlink, mkdir, rmdir,
	// sync-folder, open-folder, lookup, stat, flock or fcntl-lock.
	Op     string
	Name   string // of the file, without folders
	To     string // its new name, for rename
	Offset int64  // for read and write; the size, for truncate
	Size   int    // for read and write
	Flags  uint32 // of open(2), that the file was opened with
}

// Verdict is what becomes of a request. The zero value carries it out.
type Verdict struct {
	Errno syscall.Errno // not zero: the request fails with it and has no effect
	// Lost makes a sync that fails lose what it should have written, as Linux does:
	// it is marked clean, reads still return it, and no later sync writes it.
	Lost  bool
	Bytes int    // not zero: a read or write ends after so many bytes
	Then  func() // called once the request took effect
}

// judging reports whether requests are judged.
func (v *volume) judging() bool { return v.intercept != nil && v.filled.Load() }

// ask has a request judged. The caller has the journal's lock.
func (v *volume) ask(r Request) Verdict {
	if !v.judging() {
		return Verdict{}
	}
	return v.intercept(r)
}

// done tells whoever judged a request that it took effect.
func (v Verdict) done() {
	if v.Then != nil {
		v.Then()
	}
}
