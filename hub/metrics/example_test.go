package metrics_test

import (
	"fmt"

	"github.com/explog/explog/hub/metrics"
)

func Example() {
	c := metrics.Counts{TP: 231, FN: 27, FP: 32, TN: 54}
	f1 := c.F1()
	fmt.Printf("F1 %s, 95 %% from %s to %s\n", f1.Point.Text(3), f1.Low.Text(3), f1.High.Text(3))
	fmt.Println("kappa", c.Kappa())
	fmt.Println("with 10 answers lost:", c.Strict(6, 4).F1().Point)
	fmt.Println("of a model that never says yes:", metrics.Counts{FN: 258, TN: 86}.Precision().Point)
	fmt.Printf("p = %.4g\n", metrics.McNemar(121, 59))
	// Output:
	// F1 0.887, 95 % from 0.855 to 0.912
	// kappa 0.5336
	// with 10 answers lost: 0.8701
	// of a model that never says yes: n/a (no narrative was flagged by the model)
	// p = 4.434e-06
}
