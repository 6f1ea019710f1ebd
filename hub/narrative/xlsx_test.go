package narrative

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// workbookParts are the parts of a workbook with two sheets and a chart, as Excel lays
// them out.
func workbookParts() map[string]string {
	const relationship = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	const main = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="` + relationship + `"`
	relations := func(list ...string) string {
		var b strings.Builder
		b.WriteString(head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`)
		for i, r := range list {
			kind, target, _ := strings.Cut(r, " ")
			fmt.Fprintf(&b, `<Relationship Id="rId%d" Type="%s/%s" Target="%s"/>`, i+1, relationship, kind, target)
		}
		return b.String() + `</Relationships>`
	}
	return map[string]string{
		"[Content_Types].xml":        head + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`,
		"_rels/.rels":                relations("officeDocument xl/workbook.xml"),
		"xl/_rels/workbook.xml.rels": relations("chartsheet chartsheets/sheet1.xml", "worksheet worksheets/sheet1.xml", "worksheet /xl/worksheets/sheet2.xml", "styles styles.xml", "sharedStrings sharedStrings.xml"),
		"xl/workbook.xml": head + `<workbook ` + main + `><workbookPr defaultThemeVersion="1"/><sheets>` +
			`<sheet name="Chart" sheetId="9" r:id="rId1"/><sheet name="Cases" sheetId="4" r:id="rId2"/><sheet name="Second &amp; last" sheetId="7" r:id="rId3"/></sheets></workbook>`,
		"xl/sharedStrings.xml": head + `<sst ` + main + `><si><t>id</t></si><si><t>text</t></si><si><r><t>fl</t></r><r><rPr><b/></rPr><t>ag</t></r><rPh sb="0" eb="1"><t>no</t></rPh></si>` +
			`<si><t xml:space="preserve"> two_x000D_` + "\n" + `lines &lt;x&gt; _x005F_x0041_ </t></si></sst>`,
		"xl/styles.xml": head + `<styleSheet ` + main + `><numFmts count="2"><numFmt numFmtId="164" formatCode="dd\.mm\.yyyy"/><numFmt numFmtId="165" formatCode="[Red]0.0&quot; days&quot;"/></numFmts>` +
			`<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml": head + `<worksheet ` + main + `><sheetData><row r="1"/>` +
			`<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="C2" t="s"><v>2</v></c><c r="E2" t="inlineStr"><is><t>when</t></is></c></row>` +
			`<row r="3"><c r="A3"><v>1</v></c><c r="B3" t="s"><v>3</v></c><c r="C3" t="b"><v>1</v></c><c r="E3" s="1"><v>46000.5</v></c></row>` +
			`<row r="5"><c r="A5"><v>1.2345E5</v></c><c r="B5" t="inlineStr"><is><r><t>in</t></r><r><t>line</t></r></is></c><c r="C5"><v>0</v></c><c r="E5" s="2"><v>2</v></c><c r="F5"><v>7</v></c></row>` +
			`<row r="6"><c r="A6" t="str"><f>CONCAT("a","b")</f><v>ab</v></c><c r="C6" t="str"><v>NA</v></c><c r="E6" s="3"><v>2.5</v></c></row>` +
			`<row><c><v>7</v></c><c t="inlineStr"><is><t>NA</t></is></c><c t="b"><v>0</v></c><c/><c t="d"><v>2026-01-02</v></c></row>` +
			`<row r="9"><c r="B9" t="inlineStr"><is><t> </t></is></c></row></sheetData></worksheet>`,
		"xl/worksheets/sheet2.xml": head + `<worksheet ` + main + `><sheetData><row><c t="inlineStr"><is><t>id</t></is></c><c t="inlineStr"><is><t>text</t></is></c></row>` +
			`<row><c t="inlineStr"><is><t>X</t></is></c><c t="inlineStr"><is><t>other sheet</t></is></c></row></sheetData></worksheet>`,
	}
}

// pack makes a workbook of its parts.
func pack(t testing.TB, parts map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		part, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = part.Write([]byte(parts[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWorkbooks(t *testing.T) {
	first := []string{"3:1=true  two\r\nlines <x> _x0041_ ", "5:123450=false inline", "6:ab=? ", "7:7=false "}
	for _, tc := range []struct {
		sheet string
		want  []string
	}{{"", first}, {"Cases", first}, {"Second & last", []string{"2:X=? other sheet"}}} {
		set, err := Read(write(t, "a.XLSX", pack(t, workbookParts())), Columns{Sheet: tc.sheet})
		if err != nil || !slices.Equal(say(set), tc.want) {
			t.Errorf("sheet %q: got %q\nwant %q\nerror %v", tc.sheet, say(set), tc.want, err)
		}
	}
	set, err := Read(write(t, "a.xlsx", pack(t, workbookParts())), Columns{Text: "when"})
	want := []string{"3:1=true 2025-12-09 12:00:00", "5:123450=false 1900-01-02", "6:ab=? 2.5", "7:7=false 2026-01-02"}
	if err != nil || !slices.Equal(say(set), want) {
		t.Errorf("got  %q\nwant %q\nerror %v", say(set), want, err)
	}
}

func TestWorkbooksWithLess(t *testing.T) {
	parts := workbookParts()
	delete(parts, "_rels/.rels")
	delete(parts, "xl/sharedStrings.xml")
	delete(parts, "xl/styles.xml")
	parts["xl/_rels/workbook.xml.rels"] = strings.NewReplacer(`Target="styles.xml"`, "", `/styles"`, `/other"`, `/sharedStrings"`, `/other"`).Replace(parts["xl/_rels/workbook.xml.rels"])
	parts["xl/workbook.xml"] = strings.ReplaceAll(parts["xl/workbook.xml"], "http://schemas.openxmlformats.org/officeDocument/2006/relationships", "http://purl.oclc.org/ooxml/officeDocument/relationships")
	set, err := Read(write(t, "a.xlsx", pack(t, parts)), Columns{Sheet: "Second & last"})
	if err != nil || !slices.Equal(say(set), []string{"2:X=? other sheet"}) {
		t.Errorf("%q %v", say(set), err)
	}
}

func TestFaultsOfWorkbooks(t *testing.T) {
	change := func(part, from, to string) func(map[string]string) {
		return func(parts map[string]string) {
			if !strings.Contains(parts[part], from) {
				t.Fatalf("%s has no %s", part, from)
			}
			parts[part] = strings.Replace(parts[part], from, to, 1)
		}
	}
	const sheet = "xl/worksheets/sheet1.xml"
	for want, tc := range map[string]struct {
		change func(map[string]string)
		cols   Columns
	}{
		`the workbook has no sheet "cases"; it has "Cases", "Second & last"`: {func(map[string]string) {}, Columns{Sheet: "cases"}},
		"it has no xl/workbook.xml":                      {func(p map[string]string) { delete(p, "xl/workbook.xml") }, Columns{}},
		"it has no xl/sharedstrings.xml":                 {func(p map[string]string) { delete(p, "xl/sharedStrings.xml") }, Columns{}},
		"the sheet cannot be read: it has no":            {func(p map[string]string) { delete(p, sheet) }, Columns{}},
		"the workbook has no sheets with cells":          {func(p map[string]string) { p["xl/workbook.xml"] = "<workbook/>" }, Columns{}},
		"row 3 refers to the text \"99\"":                {change(sheet, "<v>3</v>", "<v>99</v>"), Columns{}},
		"row 3 refers to the text \"-1\"":                {change(sheet, "<v>3</v>", "<v>-1</v>"), Columns{}},
		`a cell is called "ABCDE3"`:                      {change(sheet, `r="A3"`, `r="ABCDE3"`), Columns{}},
		"the sheet cannot be read: xl/worksheets/sheet1": {change(sheet, "</worksheet>", ""), Columns{}},
		":5: text: the cell has the error \"#N/A\"":      {change(sheet, `<c r="B5" t="inlineStr"><is><r><t>in</t></r><r><t>line</t></r></is></c>`, `<c r="B5" t="e"><v>#N/A</v></c>`), Columns{}},
		`:3: when: the flag "2025-12-09 12:00:00" is`:    {func(map[string]string) {}, Columns{Flag: "when"}},
		"the sheet is empty":                             {func(p map[string]string) { p[sheet] = "<worksheet/>" }, Columns{}},
		`:2: no column case, which would hold the id; the columns are "id", "text", "flag", "", "when"`: {func(map[string]string) {}, Columns{ID: []string{"case"}}},
	} {
		parts := workbookParts()
		tc.change(parts)
		_, err := Read(write(t, "a.xlsx", pack(t, parts)), tc.cols)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	for content, want := range map[string]string{
		"": "the file is no workbook of Excel", "id,text\nA,one\n": "the file is no workbook of Excel", oleMagic + "x": "old format of Excel, or has a password",
	} {
		if _, err := Read(write(t, "a.xlsx", content), Columns{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := Read(write(t, "a.xls", oleMagic), Columns{}); err == nil || !strings.Contains(err.Error(), "save it as .xlsx or .csv") {
		t.Error(err)
	}
}

func TestDatesOfWorkbooks(t *testing.T) {
	for _, tc := range []struct {
		days float64
		from dateSystem
		want string
	}{
		{0.5, since1900, "12:00:00"},
		{1, since1900, "1900-01-01"},
		{59, since1900, "1900-02-28"},
		{61, since1900, "1900-03-01"},
		{45292, since1900, "2024-01-01"},
		{45292.75, since1900, "2024-01-01 18:00:00"},
		{45291.999999, since1900, "2024-01-01"},
		{43830, since1904, "2024-01-01"},
		{2958465, since1900, "9999-12-31"},
		{2958466, since1900, ""},
		{-1, since1900, ""},
	} {
		if got, _ := tc.from.text(tc.days); got != tc.want {
			t.Errorf("%v days are %q, want %q", tc.days, got, tc.want)
		}
	}
	for code, want := range map[string]bool{
		"yyyy-mm-dd": true, "[h]:mm": true, "dd/mm/yy;@": true, `[$-409]d\-mmm;@`: true, "0.00": false, "General": false, "@": false,
		`0" days"`: false, "[Red]0": false, `0\d`: false, "#,##0_);[Red]_(#,##0)": false,
	} {
		if showsDate(code) != want {
			t.Errorf("format %s: date is %v", code, !want)
		}
	}
}

// FuzzXLSX: whatever the sheet, the texts and the styles are, there are narratives with
// distinct ids, or faults.
func FuzzXLSX(f *testing.F) {
	parts := workbookParts()
	f.Add(parts["xl/worksheets/sheet1.xml"], parts["xl/sharedStrings.xml"], parts["xl/styles.xml"], parts["xl/workbook.xml"])
	f.Add("<worksheet><row r='x'><c r='ZZZZZ1'/></row><row r='2'><c r='A1' t='s'><v>1e9</v></c></row></worksheet>", "<sst/>", "<styleSheet/>", parts["xl/workbook.xml"])
	f.Fuzz(func(t *testing.T, sheet, shared, styles, workbook string) {
		parts := workbookParts()
		parts["xl/worksheets/sheet1.xml"], parts["xl/sharedStrings.xml"], parts["xl/styles.xml"], parts["xl/workbook.xml"] = sheet, shared, styles, workbook
		parse, err := parserFor("a.xlsx", "")
		if err != nil {
			t.Fatal(err)
		}
		set, err := newFile("a.xlsx", pack(t, parts), parse).Select(Columns{})
		if (err == nil) != (len(set.Narratives) > 0) {
			t.Fatalf("%d narratives and error %v", len(set.Narratives), err)
		}
	})
}

// FuzzArchive: an archive of any bytes is narratives or a fault.
func FuzzArchive(f *testing.F) {
	f.Add([]byte(pack(f, workbookParts())))
	f.Add([]byte(zipMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := newFile("a.xlsx", string(data), func(data string, f *faults) table { return parseXLSX(data, "", f) }).Select(Columns{})
		if (err == nil) != (len(set.Narratives) > 0) {
			t.Fatalf("%d narratives and error %v", len(set.Narratives), err)
		}
	})
}

// A program may write formulas without what they come to.
func TestFormulasWithoutAValue(t *testing.T) {
	parts := workbookParts()
	sheet := parts["xl/worksheets/sheet1.xml"]
	parts["xl/worksheets/sheet1.xml"] = strings.NewReplacer(
		`<c r="C5"><v>0</v></c>`, `<c r="C5"><f>F5&gt;3</f></c>`, // the label
		`<c t="b"><v>0</v></c>`, `<c t="str"><f>IF(1,"","")</f><v></v></c>`).Replace(sheet)
	_, err := Read(write(t, "a.xlsx", pack(t, parts)), Columns{})
	const want = ":5: flag: the formula F5>3 has no saved value; open the workbook in a spreadsheet program and save it"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestTheSheetThatWasReadIsNamed(t *testing.T) {
	for _, sheet := range []string{"", "Cases"} {
		set, err := Read(write(t, "a.xlsx", pack(t, workbookParts())), Columns{Sheet: sheet})
		if err != nil || set.Sheet != "Cases" {
			t.Errorf("%q: %q %v", sheet, set.Sheet, err)
		}
	}
}
