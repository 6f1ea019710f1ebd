package dataset

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Folding is the version of the rule that says which texts are the same problem. A
// dataset keeps the folding of its first version: with another one problems would
// change sides.
type Folding int

const (
	// foldCase makes letters lower-case and all white space one space. Manifests of the
	// first form do not name it.
	foldCase Folding = 1
	// foldUnicode is foldCase after Unicode's normalization form C, with Unicode's full
	// case folding: é in one code point and in two are the same, and so are ß and SS.
	foldUnicode Folding = 2

	currentFolding = foldUnicode
)

// check says whether this program knows the folding.
func (f Folding) check() error {
	if f < foldCase || f > currentFolding {
		return fmt.Errorf("its folding of problems has version %d, and this explog knows 1 to %d", f, currentFolding)
	}
	return nil
}

// problem returns a text that is the same for the same problems.
func (f Folding) problem(text string) string {
	if f == foldCase || isASCII(text) {
		text = strings.ToLower(text)
	} else {
		// Case folding of decomposed text is what Unicode defines a caseless match by
		// (D145); the composed form is the shorter one to keep.
		folded := cases.Fold().String(norm.NFD.String(text))
		text = norm.NFC.String(strings.Map(foldCherokee, folded))
	}
	return strings.Join(strings.FieldsFunc(text, unicode.IsSpace), " ")
}

// foldCherokee folds a letter of Cherokee to upper case, as Unicode does. [cases.Fold]
// exchanges its upper and lower case.
func foldCherokee(r rune) rune {
	if unicode.Is(unicode.Cherokee, r) {
		return unicode.ToUpper(r)
	}
	return r
}

// text returns a solution in the form in which it is compared: texts that Unicode
// calls canonically equivalent are the same.
func (f Folding) text(text string) string {
	if f == foldCase {
		return text
	}
	return norm.NFC.String(text)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
