package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

var latencyFormats = []string{"table", "json", "jsonl", "csv", "parquet"}

// isPicture reports whether a result of this kind is a picture.
func isPicture(kind string) bool { return kind == "svg" || kind == "png" }

// latencyFormatOf chooses the format of the result: what --format says, or
// what the name of the file ends in, or a table.
func latencyFormatOf(flag, file string) (string, error) {
	ext := strings.TrimPrefix(filepath.Ext(file), ".")
	switch {
	case flag != "" && !slices.Contains(latencyFormats, flag):
		return "", fmt.Errorf("--format: unknown format %q, want one of %s", flag, strings.Join(latencyFormats, " "))
	case isPicture(ext) && flag != "" && flag != "table":
		return "", fmt.Errorf("--format %s into %s: a name that ends in .%s asks for a picture", flag, file, ext)
	case isPicture(ext):
		return ext, nil
	case flag != "":
		return flag, nil
	case slices.Contains(latencyFormats, ext):
		return ext, nil
	}
	return "table", nil
}
