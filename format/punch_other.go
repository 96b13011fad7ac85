//go:build !linux

package format

import "os"

func punch(*os.File, int64, int64) error { return nil }

// canPunch reports that spools stay whole here: nothing records.
func canPunch(*os.File) bool { return false }
