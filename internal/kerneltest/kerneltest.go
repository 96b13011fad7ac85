// Package kerneltest decides for all packages whether tests may record on the
// real kernel. With SYSTAPE_KERNEL_TESTS=1, as CI sets it, they must.
package kerneltest

import (
	"os"
	"runtime"
	"testing"
)

// Require skips the test unless SYSTAPE_KERNEL_TESTS=1 is set. When it is, a
// machine that cannot record fails the test: a skip must not look like a pass.
func Require(t testing.TB) {
	t.Helper()
	if os.Getenv("SYSTAPE_KERNEL_TESTS") != "1" {
		t.Skip("records on the real kernel: needs SYSTAPE_KERNEL_TESTS=1, root and Linux")
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Fatalf("SYSTAPE_KERNEL_TESTS=1, but this is %s with effective uid %d: needs root on Linux", runtime.GOOS, os.Geteuid())
	}
}
