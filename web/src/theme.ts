// Code generated from cmd/systape/internal/picture/theme.go by a test of package page; DO NOT EDIT.

/** Text beside axes, px. */
export const SMALL = 11;
/** How far lines are apart where events were lost, px. */
export const HATCH = 6;
/** Colours of a map, from few calls to many. */
export const SHADES = 64;
/** How powers of ten nanoseconds are written beside an axis, from 1 ns. */
export const POWERS = ["1 ns", "10 ns", "100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1000 s", "10000 s", "100000 s", "1000000 s", "10000000 s", "100000000 s"];
/** Steps of an axis of time, ns. */
export const ROUND_TIMES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000, 200000000, 500000000, 1000000000, 2000000000, 5000000000, 10000000000, 30000000000, 60000000000, 120000000000, 300000000000, 600000000000, 1800000000000, 3600000000000, 7200000000000, 21600000000000, 43200000000000, 86400000000000, 604800000000000, 2592000000000000, 7776000000000000, 31536000000000000, 63072000000000000, 157680000000000000, 315360000000000000, 630720000000000000, 1576800000000000000, 3153600000000000000];
