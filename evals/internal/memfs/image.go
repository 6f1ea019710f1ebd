package memfs

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Image is what a disk holds: the bytes of each file by its path; nil is a folder.
type Image map[string][]byte

// Sum tells images apart.
func (im Image) Sum() [32]byte {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(im)) {
		fmt.Fprintf(h, "%q %d %t\n", path, len(im[path]), im[path] == nil)
		h.Write(im[path])
	}
	return [32]byte(h.Sum(nil))
}

// Write puts the image into a folder.
func (im Image) Write(dir string) error {
	for _, path := range slices.Sorted(maps.Keys(im)) {
		to := filepath.Join(dir, path)
		var err error
		if im[path] == nil {
			err = os.Mkdir(to, 0o755)
		} else {
			err = os.WriteFile(to, im[path], 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadImage reads the image of a folder, of all files that a journal has.
func ReadImage(dir string) (Image, error) {
	im := make(Image)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir || roleOf(entry.Name()) != stored {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || entry.IsDir() {
			im[name] = nil
			return err
		}
		data, err := os.ReadFile(path)
		im[name] = append([]byte{}, data...)
		return err
	})
	return im, err
}
