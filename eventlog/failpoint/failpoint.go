// Package failpoint names the moments at which a crash or a failing disk would
// hurt most: around every commit, rename and sync. A program that is built with
// the tag failpoint can be made to die or to fail at one of them, so that tests can
// look at what it leaves behind. In other builds nothing happens there.
//
//	EXPLOG_FAILPOINT=log-committed=kill     SIGKILL when it gets there
//	EXPLOG_FAILPOINT=log-committed=kill:3   when it gets there for the third time
//	EXPLOG_FAILPOINT=log-committed=error    an error from there on
package failpoint

// Point is the name of a moment.
type Point string

// The points, in the order in which a store meets them.
const (
	LogMade        Point = "log-made"         // a new log is written and synced, not renamed
	LogRenamed     Point = "log-renamed"      // it is renamed, its folder not synced
	LogWritten     Point = "log-written"      // events are put into a transaction, not committed
	LogCommitted   Point = "log-committed"    // they are committed, not indexed
	LogIndexed     Point = "log-indexed"      // they are indexed, not sealed
	IndexFilled    Point = "index-filled"     // pages of the index are written, its header is not
	IndexMade      Point = "index-made"       // a new index is written, not renamed
	CopySynced     Point = "copy-synced"      // a compacted log or a backup is synced, not renamed
	CopyRenamed    Point = "copy-renamed"     // it is renamed, its folder not synced
	CompactRenamed Point = "compact-renamed"  // a compacted log is in place, not sealed
	ViewFolded     Point = "view-folded"      // rows are in a transaction, not committed
	ViewCommitted  Point = "view-committed"   // they are committed
	ViewBuilt      Point = "view-built"       // a fresh view is written, not in place
	ViewPoured     Point = "view-poured"      // it is poured into the live one, whose log is not shrunk
	ViewFinished   Point = "view-finished"    // it is synced, the old one not removed
	ViewRemoved    Point = "view-removed"     // the old one is removed, the new one not renamed
	AsOfBuilt      Point = "view-as-of-built" // a view of the past is written, not renamed
)

// All lists the points.
func All() []Point {
	return []Point{
		LogMade, LogRenamed, LogWritten, LogCommitted, LogIndexed, IndexFilled, IndexMade, CopySynced, CopyRenamed,
		CompactRenamed, ViewFolded, ViewCommitted, ViewBuilt, ViewPoured, ViewFinished, ViewRemoved, AsOfBuilt,
	}
}
