// Code generated from cmd/systape/internal/page/contract.go by its test; DO NOT EDIT.

export const VERSION = 1;

export interface Page {
  version: number;
  head: Head;
  calls: Calls;
  losses: Loss[];
  slowest: Slow[];
  left_out: string[];
  live: boolean;
  sides: number;
  reading: Reading;
  pending: boolean;
  sequences: Sequences | null;
  threads: ThreadSequences[];
}

export interface Single {
  calls: Slow[];
  more: number;
}

export interface Rest {
  pending: boolean;
  head: Head;
  slowest: Slow[];
}

export interface Sequences {
  n: number;
  calls: number;
  windows: number;
  distinct: number;
  facts: string[];
  top: Sequence[];
  rare: Sequence[];
  graph: Graph;
}

export interface Comparison {
  differences: Difference[];
  one_sided: Difference[];
  text: string;
}

export interface Head {
  title: string;
  files: string[];
  command: string;
  filters: string;
  facts: Fact[];
  origin_ns: string;
  origin_wall: string;
  length_ns: number;
  coverage: string;
  share: number;
  lost_events: number;
  complete: boolean;
  timed: boolean;
  verify: Verify;
  notes: string[];
}

export interface Calls {
  from_ns: number;
  tile_ns: number;
  tiles: number;
  shift: number;
  count: number;
  cells: number;
  threads: number;
  others: number;
  names: string[];
  classes: Record<string, string>;
  groups: Groups;
  packed: string;
}

export interface Loss {
  from_ns: number;
  to_ns: number;
  events: number;
}

export interface Slow {
  start_ns: number;
  dur_ns: number;
  lower_bound: boolean;
  pid: number;
  tid: number;
  comm: string;
  container: string;
  syscall: string;
  errno: string;
  waits: boolean;
  text: string;
  about: string;
  before: Near[];
  after: Near[];
  lost_events: number;
}

export interface Reading {
  rows: number;
  of: number;
  following: boolean;
}

export interface ThreadSequences {
  tid: number;
  sequences: Sequences;
}

export interface Sequence {
  calls: string[];
  text: string;
  count: number;
  share: number;
  first_ns: number;
  pid: number;
  tid: number;
}

export interface Graph {
  width: number;
  height: number;
  nodes: GraphNode[];
  edges: GraphEdge[];
  left_out: string;
}

export interface Difference {
  kind: string;
  text: string;
  calls: string[];
}

export interface Fact {
  name: string;
  text: string;
}

export interface Verify {
  state: string;
  text: string;
  fails: Fact[];
}

export interface Groups {
  syscall: number[];
  comm: number[];
  container: number[];
  errno: number[];
  pid: number[];
  tid: number[];
  open: number[];
  waits: number[];
}

export interface Near {
  start_ns: number;
  dur_ns: number;
  text: string;
}

export interface GraphNode {
  name: string;
  count: number;
  figures: string;
  time: string;
  mark: boolean;
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface GraphEdge {
  from: number;
  to: number;
  count: number;
  p: number;
  label: string;
  path: string;
  stroke: number;
  back: boolean;
  x: number;
  y: number;
}
