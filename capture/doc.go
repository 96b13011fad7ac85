// Package capture records: it loads the kernel side, reads the buffers of all
// CPUs, puts the records into the order of time and writes them to a spool.
//
// The way of an event:
//
//	(1) A program of package bpf writes a record into its CPU's buffer.
//	(2) A poll (merger, merge.go) takes the records of all CPUs in the order of
//	    time and fills a batch with them. It is driven by a timer and by the
//	    doorbell that rings when a buffer fills; no event wakes anybody.
//	(3) The batch goes to the spooler, which compresses it (format.SpoolWriter),
//	    and the bytes go to the file's own goroutine (queuedFile), so that
//	    neither compression nor the disk holds up the polls.
//	(4) A [format.Sealer] turns what is on the spool into the capture file while
//	    the recording goes on, and finishes it at the end.
//
// What is lost is lost in step (1) alone, when a buffer is full: there it is
// counted and dated by the kernel side. Recording needs Linux and rights;
// elsewhere the package builds and says so.
package capture
