// Package powerloss proves what explog promises after a power cut: every event
// that was acknowledged is in the log, once, in order; the store opens again by
// itself, the view follows, and verify finds nothing.
//
// A small FUSE file system in memory (evals/internal/memfs) records, in one order,
// every write, sync, truncation, creation, rename and removal that the built explog
// makes, and every word that it says, because what it says is an acknowledgement.
// Steps of a script drive it (drive_linux.go, script.go). From each prefix of that
// record the folders are built that a power cut at this moment could leave (image.go),
// and explog is run on each (check.go).
//
// The package knows explog from the outside only: its binary, its Go API and the
// names of its files.
package powerloss
