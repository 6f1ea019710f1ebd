// Package tempfiles makes temporary files and folders that do not outlive their
// process for long: each is locked by the process that made it, and the next process
// that makes one of the same kind removes those that nobody holds any more.
//
// A file that is to take a target's place is made beside it and renamed, so that there
// is the whole file or what was there before.
package tempfiles

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/explog/explog/eventlog/flock"
	"github.com/explog/explog/internal/durable"
)

// suffix is between a target's name and 16 hexadecimal digits.
const suffix = ".tmp-"

// Pending is a file that is to take a target's place.
type Pending struct {
	*os.File
	target string
}

// Create makes the file for a target, and removes those that killed processes left
// for the same target. It has the given permissions, less the umask.
func Create(target string, mode fs.FileMode) (*Pending, error) {
	if err := sweepFiles(target); err != nil {
		return nil, err
	}
	for {
		var digits [8]byte
		_, _ = rand.Read(digits[:]) // it does not fail
		path := target + suffix + hex.EncodeToString(digits[:])
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return nil, err
		}
		held, err := hold(f, path)
		if err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(path))
		}
		if held {
			return &Pending{f, target}, nil
		}
		f.Close() // another process swept it before it was locked
	}
}

// Commit makes the file durable and gives it the target's name.
func (p *Pending) Commit() error {
	err := p.Sync()
	if err == nil {
		err = os.Rename(p.Name(), p.target)
	}
	if err != nil {
		p.Discard()
		return err
	}
	return errors.Join(p.Close(), syncNames(filepath.Dir(p.target)))
}

// syncNames makes the names in a folder durable, if the process may read the folder.
func syncNames(dir string) error {
	err := durable.SyncFolder(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// Discard removes the file. After Commit it does nothing.
func (p *Pending) Discard() {
	if p.Close() == nil {
		os.Remove(p.Name())
	}
}

// Write makes a file with what write gives, or leaves the target as it was.
func Write(target string, mode fs.FileMode, write func(io.Writer) error) error {
	p, err := Create(target, mode)
	if err != nil {
		return err
	}
	defer p.Discard()
	if err := write(p); err != nil {
		return err
	}
	return p.Commit()
}

// Dir makes a folder in the system's folder for temporary files, and removes those of
// the same kind that killed processes of this user left. The caller calls remove. The
// folder itself is locked; a log locks its folder too, so it needs one inside.
func Dir(kind string) (path string, remove func() error, err error) {
	prefix := "explog-" + kind + "-"
	sweepDirs(os.TempDir(), prefix)
	for {
		path, err := os.MkdirTemp("", prefix)
		if err != nil {
			return "", nil, err
		}
		d, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // swept before it was locked
		}
		if err != nil {
			return "", nil, errors.Join(err, os.Remove(path))
		}
		held, err := hold(d, path)
		if err != nil {
			return "", nil, errors.Join(err, d.Close(), os.Remove(path))
		}
		if held {
			return path, func() error { return errors.Join(os.RemoveAll(path), d.Close()) }, nil
		}
		d.Close()
	}
}

// hold locks an open file and reports whether it still has its name.
func hold(f *os.File, path string) (bool, error) {
	free, err := flock.Try(f)
	if err != nil || !free {
		return false, err
	}
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(open, named), err
}

// sweepFiles removes what was made for a target and is not held. What it may not touch
// it leaves alone.
func sweepFiles(target string) error {
	dir, base := filepath.Split(target)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), base+suffix)
		if _, err := hex.DecodeString(digits); !ok || err != nil || len(digits) != 16 || !e.Type().IsRegular() {
			continue
		}
		removeFree(filepath.Join(dir, e.Name()), 0, os.Remove)
	}
	return nil
}

// sweepDirs removes folders of a kind that are this user's and not held. The folder for
// temporary files is everybody's, so no link is followed.
func sweepDirs(dir, prefix string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" || !e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			continue
		}
		removeFree(filepath.Join(dir, e.Name()), syscall.O_DIRECTORY, os.RemoveAll)
	}
}

// removeFree removes a file that nobody holds. That it cannot is no reason to fail.
func removeFree(path string, flag int, remove func(string) error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|flag, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if held, err := hold(f, path); err == nil && held {
		_ = remove(path)
	}
}
