// Package format is the file of the program: what a capture is, how it is
// written, read, sealed, recovered and verified. FORMAT.md beside it is the
// specification.
//
// Rows travel as [Batch], a struct of columns, in both directions. A recorder
// appends batches to a spool with [SpoolWriter]; a [Sealer] turns the spool
// into a Parquet capture; [Open] reads either, whole, cut off or in parts;
// [Recover] saves what is left of one; [Verify] checks the rules.
// [TableWriter] stores the results of other stages.
//
// What this package promises: io.EOF means a complete capture. Nothing is left
// out in silence: rows, seq, time and checksums are compared on the way.
// Memory is bounded whatever a file says, and no file makes a reader panic. A
// finished file is never overwritten unless that is asked for, and an
// unfinished one is recognisable by its name.
//
// Compatibility: every later version reads the captures of all earlier ones.
package format
