// Package memfs is a FUSE file system in memory, for rigs that break disks.
//
// It keeps a journal of every change that programs make to it, in one order: writes,
// truncations, syncs, creations, renames and removals. From a prefix of the journal a
// [State] tells what the disk certainly holds at that moment and what a power cut may
// take away. A [Options.Intercept] function sees every request before it is carried
// out and can make it fail, shorten it, or act at that moment.
//
// The package knows nothing of explog. It needs Linux, root and /dev/fuse.
package memfs
