package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"systape/capture"
)

// finishSealing seals what is left, with a progress bar where it takes a while.
func finishSealing(s *capture.Sealing, stderr io.Writer, quiet bool) (bytes int64, err error) {
	if quiet || !isTerminal(stderr) {
		return s.Finish(nil)
	}
	began := time.Now()
	var bar *progressbar.ProgressBar
	defer func() {
		if bar != nil {
			bar.Finish()
		}
	}()
	return s.Finish(func(done, total int64) {
		if bar == nil && time.Since(began) > 500*time.Millisecond {
			bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(stderr), progressbar.OptionSetDescription("sealing"),
				progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		if bar != nil {
			bar.Set64(done)
		}
	})
}
