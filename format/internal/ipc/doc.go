// Package ipc writes and reads tables without nulls as Arrow IPC streams, with
// a checksum in every message. Arrow's own writer makes the messages; they are
// read by code of ours, which damage neither crashes nor makes allocate.
package ipc
