// Package sequences tells what threads do, in which order, and what of it is
// new: windows of n calls and how often they occur, which call follows which,
// and models of normal behaviour against which another capture is scored.
//
// The way of the data: [Streams] divides the calls of a capture into streams
// (one for each thread, unless asked otherwise), in the order in which they
// were entered, and cuts a stream wherever calls may be missing or another
// program begins. A [Observer] receives every step: [Counter] counts windows and
// transitions, [Folder] writes a stream down with its loops folded,
// [Scorer] holds it against a [Baseline].
//
// The methods and their sources:
//
//   - windows not seen in training (STIDE) and the locality frame count:
//     Hofmeyr, Forrest, Somayaji, "Intrusion detection using sequences of
//     system calls", 1998; Warrender, Forrest, Pearlmutter, "Detecting
//     intrusions using system calls: alternative data models", 1999, which
//     also defines rare windows (t-STIDE);
//   - look-ahead pairs: Forrest, Hofmeyr, Somayaji, Longstaff, "A sense of
//     self for Unix processes", 1996;
//   - Markov models with Witten–Bell smoothing: Witten, Bell, "The
//     zero-frequency problem", 1991 (their method C), interpolated.
//
// Nothing here says that a program is malicious. A score says how unusual a
// capture is compared with the captures that the baseline was made from.
package sequences
