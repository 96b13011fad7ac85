package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"
)

// TestManPages makes the manual pages of the texts of the help. 'make man'
// sets SYSTAPE_MAN_DIR to keep them.
func TestManPages(t *testing.T) {
	dir := os.Getenv("SYSTAPE_MAN_DIR")
	if dir == "" {
		dir = t.TempDir()
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root := newRoot(nil)
	root.DisableAutoGenTag = true
	never := time.Unix(0, 0).UTC() // so that the same texts make the same pages
	header := &doc.GenManHeader{Title: "SYSTAPE", Section: "1", Date: &never, Source: "systape", Manual: "systape"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range allCommands() {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		if c.Name() == "help" {
			continue
		}
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH EXAMPLE\n", strings.ReplaceAll(c.Short[:10], "-", `\-`)} {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
}
