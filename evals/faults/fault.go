//go:build linux

package faults

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/explog/explog/evals/internal/memfs"
)

// fault is what happens to one request.
type fault struct {
	name  string
	errno syscall.Errno // not zero: the request fails with it
	short bool          // a read or write ends half-way
	// kill is when the process is killed: "before" the request takes effect, or "after".
	kill string
}

func (f fault) String() string { return f.name }

var (
	failsEIO    = fault{name: "EIO", errno: syscall.EIO}
	failsENOSPC = fault{name: "ENOSPC", errno: syscall.ENOSPC}
	failsEINTR  = fault{name: "EINTR", errno: syscall.EINTR}
	endsShort   = fault{name: "short", short: true}
	killBefore  = fault{name: "killed before", kill: "before"}
	killAfter   = fault{name: "killed after", kill: "after"}
)

// faultsOf lists the faults that a request can have on a real disk.
//
// A process that is killed at a request that changes nothing leaves what one leaves that
// is killed behind the change before, so it is killed at changes only. Memory that is
// mapped reads by page faults: they cannot be interrupted or end short, so this is
// left out where bbolt has the log open. SQLite maps its shared memory for as long as
// the machine runs; reading it does not fail. Opening and locking cannot be
// interrupted here: Linux takes a FUSE server's EINTR for a request to start again.
func faultsOf(r memfs.Request) []fault {
	switch r.Op {
	case "lookup", "stat", "open", "open-folder", "flock", "fcntl-lock":
		return []fault{failsEIO}
	case "read":
		switch {
		case strings.HasSuffix(r.Name, "-shm"):
			return nil
		case mapped(r) || r.Size < 2:
			return []fault{failsEIO}
		}
		return []fault{failsEIO, failsEINTR, endsShort}
	case "write":
		all := []fault{failsEIO, failsENOSPC, failsEINTR, killBefore, killAfter}
		if r.Size > 1 {
			all = append(all, endsShort)
		}
		return all
	case "unlink", "rmdir":
		return []fault{failsEIO, killBefore, killAfter}
	case "mkdir", "rename":
		return []fault{failsEIO, failsENOSPC, killBefore, killAfter}
	case "create":
		return []fault{failsEIO, failsENOSPC, killBefore, killAfter}
	default: // truncate, sync, sync-folder
		return []fault{failsEIO, failsENOSPC, failsEINTR, killBefore, killAfter}
	}
}

// mapped reports whether a read may be one of memory that is mapped: bbolt's, which has
// a log open for writing. Linux tries such a read again at once, so an error is met
// only if the same page fails for as long as the command runs.
func mapped(r memfs.Request) bool {
	log := strings.HasPrefix(r.Name, "events.db") || strings.HasPrefix(r.Name, "backup.db")
	return r.Op == "read" && log && r.Flags&syscall.O_ACCMODE == syscall.O_RDWR
}

// verdict carries out the fault on a request; kill kills the process.
func (f fault) verdict(r memfs.Request, kill func()) memfs.Verdict {
	switch {
	case f.short:
		return memfs.Verdict{Bytes: r.Size / 2}
	case f.kill == "after":
		return memfs.Verdict{Then: kill}
	case f.kill == "before":
		kill()
		return memfs.Verdict{Errno: syscall.EIO} // nobody is left to see it
	}
	// A wait that is interrupted leaves pages to be written; a write that fails does not.
	return memfs.Verdict{Errno: f.errno, Lost: f.errno != syscall.EINTR}
}

// named reports whether a message names the fault as its reason. SQLite has reasons of
// its own; it opens a file that it cannot open for writing for reading.
func (f fault) named(message string) bool {
	reasons := map[syscall.Errno][]string{
		syscall.EIO:    {syscall.EIO.Error(), "disk I/O error", "unable to open database", "attempt to write a readonly database", "the disk failed"},
		syscall.ENOSPC: {syscall.ENOSPC.Error(), "database or disk is full", "disk I/O error", "unable to open database"},
		syscall.EINTR:  {syscall.EINTR.Error(), "disk I/O error", "unable to open database"},
	}
	for _, reason := range reasons[f.errno] {
		if strings.Contains(message, reason) {
			return true
		}
	}
	return f.errno == 0 && message != ""
}

// target is a request of a command: the nth of its kind to a file.
type target struct {
	op, name string
	nth      int
}

func (t target) String() string { return fmt.Sprintf("%s %s #%d", t.op, t.name, t.nth) }
