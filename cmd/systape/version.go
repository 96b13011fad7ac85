package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"systape/capture"
)

// version is set by the linker (-X main.version=…) in released builds.
var version = "dev"

// versionText is what --version prints: all that a bug report must know of
// the program.
func versionText() string {
	v := version
	var commit, when string
	if info, ok := debug.ReadBuildInfo(); ok {
		if strings.HasPrefix(info.Main.Version, "v") && v == "dev" {
			v = info.Main.Version
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		commit, when = settings["vcs.revision"], settings["vcs.time"]
		if settings["vcs.modified"] == "true" {
			commit += ", changed"
		}
	}
	if when != "" {
		when = " of " + when
	}
	return fmt.Sprintf("systape %s\ncommit   %s%s\nGo       %s, %s/%s\nkernel   %s\n",
		v, cmp.Or(commit, "unknown: built outside of a checkout"), when, runtime.Version(), runtime.GOOS, runtime.GOARCH, capture.KernelObjects())
}
