// Package faults proves that one failing system call costs nothing that explog
// acknowledged and is never hidden.
//
// The built explog runs a command on a file system in memory (evals/internal/memfs)
// that sees each of its requests. A first run without a fault lists them (plan.go).
// Then, for each request and each fault that it can have (fault.go), the command runs
// again on a fresh copy of the disk and meets that one fault; it is repeated without
// one; and the power is cut, after the first run and after the second (trial_linux.go).
// What the disk then holds is compared with what the runs said (judge.go).
//
// The package knows explog from the outside only: its binary, its Go API and the
// names of its files.
package faults
