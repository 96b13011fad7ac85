// Package capture records: it loads the kernel side, reads the buffers of all
// CPUs, puts the records into the order of time and writes them to a spool, of
// which it makes the capture file.
//
//	kernel, each CPU          recorder, one goroutine each
//
//	program ──► buffer ──┐
//	program ──► buffer ──┼──► merger ──► chunks ──► file ──► NAME.spool ──► Sealing ──► NAME
//	program ──► buffer ──┘    Run         queue     write      │            Seal
//	        ╰─► doorbell ─────► Wait                sync ◄─────╯
//
// The way of an event:
//
//	(1) A program of package bpf writes a record into its CPU's buffer
//	    ([bpf.Buffer]). Nobody else writes there; the reader gives room back.
//	(2) A poll of the merger (merge.go), in the goroutine of [Recording.Run],
//	    takes the records of all CPUs in the order of time and fills a batch with
//	    them. It is driven by a timer and by the doorbell that rings when a
//	    buffer fills; no event wakes anybody. A full batch is encoded there, too
//	    (format.SpoolWriter).
//	(3) The bytes go through a bounded queue to the file's own goroutine
//	    (queuedFile), so that the disk does not hold up the polls; another one
//	    makes them durable once a second.
//	(4) The goroutine of [Sealing] turns what is on the spool into the capture
//	    file while the recording goes on, as long as nobody else wants the CPUs.
//
// What can be lost, and how it is told: an event that finds its buffer full is
// counted by the kernel side, which writes a record of each gap when there is
// room again (gap.go); the cause is the disk where the merger waited for (3)
// meanwhile. Where the kernel preempts programs it may run none for an event,
// which its counters tell (notice.go). A record that makes no sense is damage
// (damage.go). All of it becomes dated rows.
//
// Recording begins and ends by a flag that the programs read (window_linux.go);
// marks in the stream tell when. It needs Linux and rights; elsewhere the
// package builds and says so.
package capture
