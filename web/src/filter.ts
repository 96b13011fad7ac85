import type { Calls } from "./contract";

/** A filter in the language of the command line: --syscall read,%file --comm 'nginx*'. */
export interface Filter {
  text: string;
  error: string; // what could not be read; "" when all could
  words: { flag: Flag; values: string[] }[];
}

const FLAGS = ["syscall", "comm", "container", "pid", "tid", "errno"] as const;
export type Flag = (typeof FLAGS)[number];

export function parseFilter(text: string): Filter {
  const f: Filter = { text, error: "", words: [] };
  const words = split(text);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    let flag: string = "syscall";
    let value = word;
    if (word.startsWith("--")) {
      const eq = word.indexOf("=");
      flag = word.slice(2, eq < 0 ? undefined : eq);
      value = eq < 0 ? (words[++i] ?? "") : word.slice(eq + 1);
    } else if (word === "-e") {
      value = words[++i] ?? "";
    }
    if (!(FLAGS as readonly string[]).includes(flag)) {
      f.error = `no filter --${flag}; there are --${FLAGS.join(" --")}`;
      continue;
    }
    if (value === "" && flag !== "comm") {
      f.error = `--${flag} needs a value`;
      continue;
    }
    f.words.push({ flag: flag as Flag, values: list(value) });
  }
  return f;
}

/** Words with blanks between them; quotes keep blanks. */
function split(text: string): string[] {
  const out: string[] = [];
  const word = /'((?:[^']|'\\'')*)'|"([^"]*)"|([^\s'"]+)/g;
  let last = -1;
  for (let m; (m = word.exec(text)); ) {
    const part = m[1]?.replace(/'\\''/g, "'") ?? m[2] ?? m[3] ?? "";
    if (m.index === last && out.length > 0) out[out.length - 1] += part; // --comm='a b'
    else out.push(part);
    last = word.lastIndex;
  }
  return out;
}

/** Values with commas between them; "a,b" is one. */
function list(value: string): string[] {
  const out: string[] = [];
  for (const m of value.matchAll(/"([^"]*)"(?:,|$)|([^,]*)(?:,|$)/g)) {
    if (m[0] !== "") out.push(m[1] ?? m[2] ?? "");
  }
  return out.length ? out : [value];
}

/** For every group whether the filter chooses it. */
export function choose(f: Filter, calls: Calls): Uint8Array {
  const g = calls.groups;
  const name = (column: number[], i: number) => calls.names[column[i]!]!;
  const chosen = new Uint8Array(g.syscall.length).fill(1);
  for (let i = 0; i < chosen.length; i++) {
    for (const { flag, values } of f.words) {
      const ok =
        flag === "syscall" ? syscall(values, name(g.syscall, i), calls.classes)
        : flag === "comm" ? values.some((v) => pattern(v, name(g.comm, i)))
        : flag === "container" ? values.some((v) => container(v, name(g.container, i)))
        : flag === "pid" ? values.some((v) => Number(v) === g.pid[i])
        : flag === "tid" ? values.some((v) => Number(v) === g.tid[i])
        : values.some((v) => errno(v, name(g.errno, i), g.open[i] === 1));
      if (!ok) {
        chosen[i] = 0;
        break;
      }
    }
  }
  return chosen;
}

function syscall(values: string[], name: string, classes: Record<string, string>): boolean {
  const not = values[0]!.startsWith("!");
  const has = values.some((v, i) => {
    if (i === 0 && not) v = v.slice(1);
    if (v === "all") return true;
    return v.startsWith("%") ? (classes[name] ?? "").includes(` ${v.slice(1)} `) : v === name;
  });
  return has !== not;
}

function errno(want: string, have: string, open: boolean): boolean {
  if (want === "any") return have !== "";
  if (want === "success") return have === "" && !open;
  return have !== "" && want.toUpperCase() === have;
}

function container(want: string, have: string): boolean {
  if (have === "") return want === "host";
  return want !== "" && (have.startsWith(want) || (want.startsWith(have) && have.length >= 12));
}

/** Whether a name is as a pattern says, in which * stands for any characters. */
function pattern(want: string, have: string): boolean {
  const parts = want.split("*");
  if (parts.length === 1) return want === have;
  const first = parts[0]!;
  const last = parts[parts.length - 1]!;
  if (!have.startsWith(first) || !have.endsWith(last) || have.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    at = have.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return at <= have.length - last.length;
}
