package narrative_test

import (
	"fmt"

	"github.com/explog/explog/hub/narrative"
)

func ExampleRead() {
	set, err := narrative.Read("testdata/three.csv", narrative.Columns{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range set.Narratives {
		flag := "not judged"
		if n.Flag != nil {
			flag = fmt.Sprint(*n.Flag)
		}
		fmt.Printf("%s (line %d): %s\n", n.ID, n.Line, flag)
	}
	// Output:
	// C-1 (line 2): true
	// C-2 (line 3): false
	// C-3 (line 5): not judged
}

func ExampleInvalidError() {
	_, err := narrative.Read("testdata/faults.csv", narrative.Columns{})
	fmt.Println(err)
	// Output:
	// testdata/faults.csv:3: flag: the flag "perhaps" is neither yes (TRUE, yes, 1) nor no (FALSE, no, 0) nor open (NA, none, nothing)
	// testdata/faults.csv:4: id: the id "C-1" stands on line 2 already; ids must differ
}
