//go:build !failpoint

package failpoint

// Hit is called at a point; it does nothing in this build.
func Hit(Point) error { return nil }
