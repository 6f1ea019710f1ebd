package projector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite checks the structure of a file and not what is in it: a bit that flips in
// a row's text reads like any other text. So each page of a view ends in a
// checksum. SQLite leaves room for it (byte 20 of the file's header says how much)
// and reads and writes files through a table of functions, a VFS. Ours is the
// system's own with some functions changed: a page that is written gets its
// checksum first, a page that is read is checked, and pages are read whole.
//
//	page = [what SQLite keeps in it | CRC-32C of page number and the bytes before]
//
// Other programs read such a file as any other; they keep the last bytes of a page
// as they are. One that writes leaves pages whose checksum is wrong, and so does one
// that moves a write-ahead log into the file: explog then takes the view to be
// damaged and builds it anew. So explog moves that log itself after each commit; it
// is there for others only after a crash, or while somebody reads. The write-ahead
// log has SQLite's own checksums, which SQLite looks at when it recovers the log after
// a crash, and not when it reads.

const (
	// vfsName is how a connection string asks for checksums.
	vfsName = "explog"
	// sumSize is the room at the end of each page. It is not 8: that is how SQLite's
	// own extension for checksums, cksumvfs, knows pages with checksums of its kind,
	// and whoever has that loaded could not read the file.
	sumSize = 4
	// reserveAt is where the header of a file says how much room there is.
	reserveAt = 20
	// magic begins the header.
	magic = "SQLite format 3\x00"
)

// Result codes of reading and writing pages.
const (
	// badSum: the page is not what was written.
	badSum = sqlite3.SQLITE_IOERR_DATA
	// noSums: the file has no room for checksums, as older versions of explog made
	// them. The code is SQLite's "not a database" with a detail of ours.
	noSums = sqlite3.SQLITE_NOTADB | 1<<8
	// unread: the system reported EIO for the page. SQLite would call that a malformed
	// database. The code is its read error with a detail of ours.
	unread = sqlite3.SQLITE_IOERR_READ | 1<<16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pageSum is the checksum of a page. The number is in it, so that a page which was
// written in another's place is noticed.
func pageSum(page []byte, number uint32) uint32 {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], number)
	return crc32.Update(crc32.Checksum(n[:], castagnoli), castagnoli, page[:len(page)-sumSize])
}

// seal puts the checksum at the end of a page.
func seal(page []byte, number uint32) {
	binary.BigEndian.PutUint32(page[len(page)-sumSize:], pageSum(page, number))
}

// sealed reports whether a page has the checksum that it should have.
func sealed(page []byte, number uint32) bool {
	return binary.BigEndian.Uint32(page[len(page)-sumSize:]) == pageSum(page, number)
}

// begin makes a database with nothing in it but the room for checksums: there is no
// pragma for that. It is what SQLite writes as the first page of a new file.
func begin(path string, pageSize int) error {
	page := make([]byte, pageSize)
	copy(page, magic)
	binary.BigEndian.PutUint16(page[16:], uint16(pageSize|pageSize>>16)) // 1 stands for 65536
	page[18], page[19] = 1, 1                                            // a rollback journal, for now
	page[reserveAt] = sumSize
	page[21], page[22], page[23] = 64, 32, 32 // as the format says
	page[31] = 1                              // pages in the file
	page[100] = 13                            // the schema: a leaf of a table, without rows
	binary.BigEndian.PutUint16(page[105:], uint16(pageSize-sumSize))
	seal(page, 1)
	if err := beginSums(path, page); err != nil {
		return err
	}
	return os.WriteFile(path, page, 0o644)
}

// vfs is our table of functions, as SQLite sees it, and where the system's is.
type vfs struct {
	sqlite3.Tsqlite3_vfs
	system uintptr
}

// methods are the functions of one open file, and where the system's are. They
// stand behind the system's own data of the file.
type methods struct {
	sqlite3.Tsqlite3_io_methods
	system   uintptr
	sums     int32 // the second file, see sums.go
	unsynced bool  // something was written to it
}

// SQLite's functions, as they are in its tables.
type (
	openFunc   = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	pageFunc   = func(tls *libc.TLS, file, buf uintptr, n int32, offset int64) int32
	deviceFunc = func(tls *libc.TLS, file uintptr) int32
	closeFunc  = deviceFunc
	syncFunc   = func(tls *libc.TLS, file uintptr, flags int32) int32
)

// registerVFS makes the VFS known to SQLite, once, for as long as the process
// lives.
var registerVFS = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	system := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if system == 0 {
		return errors.New("SQLite knows no files on this system")
	}
	name, err := libc.CString(vfsName)
	if err != nil {
		return err
	}
	ours := libc.Xcalloc(tls, 1, types.Size_t(unsafe.Sizeof(vfs{})))
	if ours == 0 {
		return errors.New("register a VFS: out of memory")
	}
	v := at[vfs](ours)
	v.Tsqlite3_vfs, v.system = *at[sqlite3.Tsqlite3_vfs](system), system
	v.FzName, v.FpNext = name, 0
	v.FszOsFile += int32(unsafe.Sizeof(methods{}))
	v.FxOpen = pointer[openFunc](openFile)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, ours, 0); rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("register a VFS: SQLite says %d", rc)
	}
	return nil
})

// openFile opens a file as the system does. A database gets our functions; a
// journal, a write-ahead log and temporary files stay as they are.
func openFile(tls *libc.TLS, ours, name, file uintptr, flags int32, outFlags uintptr) int32 {
	system := at[vfs](ours).system
	v := at[sqlite3.Tsqlite3_vfs](system)
	rc := function[openFunc](v.FxOpen)(tls, system, name, file, flags, outFlags)
	if rc != sqlite3.SQLITE_OK || flags&sqlite3.SQLITE_OPEN_MAIN_DB == 0 {
		return rc
	}
	f := at[sqlite3.Tsqlite3_file](file)
	behind := file + uintptr(v.FszOsFile)
	m := at[methods](behind)
	m.Tsqlite3_io_methods, m.system = *at[sqlite3.Tsqlite3_io_methods](f.FpMethods), f.FpMethods
	m.FiVersion = min(m.FiVersion, 2) // 3 is reading by memory map, past our check
	m.FxRead = pointer[pageFunc](readPage)
	m.FxWrite = pointer[pageFunc](writePage)
	m.FxDeviceCharacteristics = pointer[deviceFunc](characteristics)
	m.FxSync = pointer[syncFunc](syncFiles)
	m.FxClose = pointer[closeFunc](closeFiles)
	m.unsynced = false
	m.sums, rc = openSums(name, flags)
	f.FpMethods = behind // SQLite closes a file that has methods, also if opening it fails
	return rc
}

// methodsOf returns our functions for an open file.
func methodsOf(file uintptr) *methods { return at[methods](at[sqlite3.Tsqlite3_file](file).FpMethods) }

// systemOf returns the functions of the system for an open file.
func systemOf(file uintptr) *sqlite3.Tsqlite3_io_methods {
	return at[sqlite3.Tsqlite3_io_methods](methodsOf(file).system)
}

func readPage(tls *libc.TLS, file, buf uintptr, n int32, offset int64) int32 {
	rc := function[pageFunc](systemOf(file).FxRead)(tls, file, buf, n, offset)
	switch {
	case rc == sqlite3.SQLITE_IOERR_CORRUPTFS: // SQLite's code for EIO
		return unread
	case !isPage(n, offset):
		return rc
	case rc == sqlite3.SQLITE_IOERR_SHORT_READ: // SQLite would take what is cut off for zeros
		return badSum
	case rc != sqlite3.SQLITE_OK:
		return rc
	}
	page := unsafe.Slice(at[byte](buf), n)
	switch {
	case sealed(page, numberAt(n, offset)):
		return methodsOf(file).checkSum(page, numberAt(n, offset))
	case offset == 0 && string(page[:len(magic)]) == magic && page[reserveAt] == 0:
		return noSums
	}
	return badSum
}

func writePage(tls *libc.TLS, file, buf uintptr, n int32, offset int64) int32 {
	if isPage(n, offset) {
		page := unsafe.Slice(at[byte](buf), n)
		if offset == 0 && page[reserveAt] != sumSize {
			return noSums // the checksums would overwrite rows
		}
		seal(page, numberAt(n, offset))
		if rc := methodsOf(file).writeSum(page, numberAt(n, offset)); rc != sqlite3.SQLITE_OK {
			return rc
		}
	}
	return function[pageFunc](systemOf(file).FxWrite)(tls, file, buf, n, offset)
}

// characteristics says what the system says, but that parts of a page can be read:
// SQLite would read long rows without their pages' ends.
func characteristics(tls *libc.TLS, file uintptr) int32 {
	return function[deviceFunc](systemOf(file).FxDeviceCharacteristics)(tls, file) &^ sqlite3.SQLITE_IOCAP_SUBPAGE_READ
}

// isPage reports whether bytes are a whole page, whatever its size. SQLite reads and
// writes less only in the header.
func isPage(n int32, offset int64) bool {
	return n >= 512 && n&(n-1) == 0 && offset%int64(n) == 0
}

// numberAt returns the number of a page; the first is 1.
func numberAt(n int32, offset int64) uint32 { return uint32(offset/int64(n)) + 1 }

// SQLite was translated from C to Go and keeps addresses, of functions too, as
// integers in memory of its own, which the garbage collector does not move. These
// three turn such an integer into what it is, and back.

func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

func function[F any](address uintptr) F { return *(*F)(unsafe.Pointer(&address)) }

func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }
