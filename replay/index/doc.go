// Package index holds the calls of a capture so that a picture of any part of
// it is made without reading it again: how many calls of which thread took how
// long, when. It is filled in one pass ([Index.Add]), takes bounded memory, and
// answers any rectangle of time and latency for any choice of calls
// ([Index.Table], [Index.Over]); [Index.Subset] cuts out of it what fits into a
// page.
//
// Time is cut into tiles: the first begins at the capture's first event, each
// is a power of two of nanoseconds long, and they double when the capture
// grows beyond their number. Calls that share thread, name, container, system
// call, error and how they ended are a group. Of each group and tile the index
// keeps the durations themselves while they are few, and otherwise a cell for
// each bucket of [latency.Bucket], with the number, the sum, the shortest and
// the longest. So for bounds that lie between tiles and between buckets
// ([Index.Snap]) all figures are those that package latency computes from the
// calls; only the standard deviation is not kept.
package index
