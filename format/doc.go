// Package format is the file of the program: what a capture is, how it is
// written, read, sealed, recovered and verified. FORMAT.md beside it is the
// specification.
//
// Rows travel as [Batch], a struct of columns, in both directions. A recorder
// appends batches to a spool with [SpoolWriter]; a [Sealer] turns the spool
// into a Parquet capture; [Open] reads either, whole, cut off or in parts;
// [Recover] saves what is left of one; [Verify] checks the rules; [WriteDump]
// makes text of one that loses nothing. [TableWriter] stores the results of
// other stages, and [Unfinished] is how every file of the program comes to be.
//
// It stands in two storeys. This one knows events; below it internal/parquet and
// internal/ipc know files made of columns of numbers and bytes, and nothing of
// calls. Between them lies one table of the columns (table.go), over which all
// that treats every column is a loop.
//
// What this package promises: io.EOF means a complete capture. Nothing is left
// out in silence: rows, seq, time and checksums are compared on the way.
// Memory is bounded whatever a file says, and no file makes a reader panic. A
// finished file is never overwritten unless that is asked for, and an
// unfinished one is recognisable by its name. What the kernel called anything
// can be had back, byte by byte ([UnescapeText]).
//
// Compatibility: every later version reads the captures of all earlier ones, and
// a version's columns and kinds are the first of every later version's.
package format
