package oci_test

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkEnsure starts workstations on fresh volumes. Its figures are those of
// the median: ms until Ensure returns, and until the X server answers.
func BenchmarkEnsure(b *testing.B) {
	m := setup(b)
	var ensured, answered, stopped, removed []time.Duration
	for i := range b.N {
		id := fmt.Sprintf("n%d", i)
		spec := m.spec(b, id)
		start := time.Now()
		check(b, m.driver.Ensure(b.Context(), spec))
		ensured = append(ensured, time.Since(start))
		for x := m.x(id); x.hello(x.cookie(b)) != nil; {
			time.Sleep(200 * time.Microsecond)
		}
		answered = append(answered, time.Since(start))
		start = time.Now()
		check(b, m.driver.Stop(b.Context(), id, 5*time.Second))
		stopped = append(stopped, time.Since(start))
		start = time.Now()
		check(b, m.driver.Remove(b.Context(), id))
		removed = append(removed, time.Since(start))
	}
	for name, all := range map[string][]time.Duration{"ms-ensure": ensured, "ms-X-answers": answered, "ms-stop": stopped, "ms-remove": removed} {
		b.ReportMetric(median(all).Seconds()*1e3, name)
	}
}

// BenchmarkObserve looks at a workstation that runs.
func BenchmarkObserve(b *testing.B) {
	m := setup(b)
	check(b, m.driver.Ensure(b.Context(), m.spec(b, "a")))
	for b.Loop() {
		if _, err := m.driver.Observe(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
	}
}
