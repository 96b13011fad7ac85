// Package parquet writes and reads tables without nulls as Parquet files. It
// knows numbers and bytes; what they mean is the matter of package format. It
// lays out pages by itself and reads them by itself: arrow's typed writers would
// hash every value again that is known as a number, and its readers panic on
// damage and allocate what a file claims to need.
package parquet
