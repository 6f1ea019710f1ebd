package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// check returns what keeps a file from being read, or nothing.
func check(path string) string {
	file, err := open(path)
	if err != nil {
		return explain(path, err)
	}
	file.Close()
	return ""
}

// errNoFile means a folder, a pipe or a device.
var errNoFile = errors.New("it is no file")

// open opens a file, and nothing else that may stand under its path.
func open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	return os.Open(path)
}

// isFile reports whether a path is one of a file.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// readFile returns the content of a file that a person writes.
func readFile(path string) ([]byte, error) {
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes, the limit for a file of text", path, maxFile)
	}
	return data, err
}

// explain says why a file cannot be read.
func explain(path string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no file %s", path)
	case errors.Is(err, errNoFile):
		return fmt.Sprintf("%s is a folder, or no plain file", path)
	}
	return err.Error()
}
