//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Hit is called at a point. It dies or returns an error where the environment
// says so.
func Hit(p Point) error {
	name, what, _ := strings.Cut(os.Getenv("EXPLOG_FAILPOINT"), "=")
	if name != string(p) {
		return nil
	}
	what, count, _ := strings.Cut(what, ":")
	n, _ := strconv.ParseInt(count, 10, 64) // none is 0: at once
	if hits.Add(1) < n {
		return nil
	}
	if what == "kill" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it comes at once, but not before this line
	}
	return fmt.Errorf("failpoint %s", p)
}

// hits counts how often the one point that is set was met.
var hits atomic.Int64
