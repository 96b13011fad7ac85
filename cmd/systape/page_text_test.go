package main

import (
	"html"
	"os"
	"strings"
	"testing"
)

// Without JavaScript the page is the text of systape latency, line by line.
func TestReportWithoutJavaScript(t *testing.T) {
	for _, filters := range [][]string{nil, {"--syscall=%file", "--errno=any"}, {"--syscall=reboot"}} {
		document, err := os.ReadFile(strings.TrimPrefix(pageOf(t, append(filters, pageCapture)...), "file://"))
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(document), "summary.</p><pre>")
		text, _, ok := strings.Cut(text, "</pre></noscript>")
		code, want, stderr := commandLine(t, append(append([]string{"latency"}, filters...), pageCapture)...)
		if code != 0 {
			t.Fatalf("latency: exit code %d, %s", code, stderr)
		}
		got, _, told := strings.Cut(html.UnescapeString(text), "coverage: ")
		want, _, _ = strings.Cut("workload.parquet\n\n"+want, "coverage: ")
		if !ok || !told || got != want {
			t.Errorf("%q: the page has\n%s\nwant\n%s", filters, got, want)
		}
	}
}
