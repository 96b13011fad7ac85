#!/usr/bin/env python3
"""Measures a built systape against its bars (see README), beside an older build
and the peers that are installed: make bench [BASE=older-systape]

Figures hold beside each other, within one run. Rounds take turns, because
machines drift; medians are told. A bar is marked "ok" or "MISSED"; what could
not be measured is said at the end. BENCH_SECONDS is how long a load lasts;
names of parts after the two builds choose among them.
"""
import json, os, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

SYSTAPE = os.path.abspath(sys.argv[1])
BASE = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else None
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))  # of each load at full speed
CPUS = sorted(os.sched_getaffinity(0))
DIR = tempfile.mkdtemp(prefix="systape-bench-")
unsaid = []  # what was not measured, and why
missed = 0


def path(name):
    return os.path.join(DIR, name)


def run(*args, **more):
    return subprocess.run([str(a) for a in args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more).stdout


def load(seconds, cpu=None):
    """The command line of a loop of getppid, on the last CPU or the one given."""
    words = [SYSTAPE, "doctor", "--load", str(seconds)]
    return ["taskset", "-c", str(cpu)] + words if cpu is not None else words


def calls(text):
    return sum(int(line.split()[1]) for line in text.splitlines())


def title(text):
    print(f"\n{text}")


def row(name, now, older="", bar="", holds=None):
    global missed
    mark = "" if holds is None else "ok" if holds else "MISSED"
    missed += holds is False
    print(f"  {name:<37}{now:>12}{older:>12}  {bar:<9}{mark}".rstrip(), flush=True)


def compare(name, measure, form, bar, most):
    """A row of what measure says of this build, and of the older one if there is one."""
    now = measure(SYSTAPE)
    row(name, form(now), form(measure(BASE)) if BASE else "", bar, now <= most)


def recorded(binary, command, *flags, out="loop"):
    """Records a command and returns what the capture says of itself."""
    spool = path(out + ".parquet.spool")
    run(binary, "record", "-q", "--force", "-o", path(out + ".parquet"), *flags, "--", *command)
    what = spool if "--spool" in flags else path(out + ".parquet")
    about = json.loads(run(SYSTAPE, "info", "--format", "json", what))
    about["path"] = what
    return about


def overhead():
    title("what recording adds to a call that does nothing")
    reports = []
    for _ in range(3):
        reports.append(json.loads(run(SYSTAPE, "doctor", "--format", "json", DIR)).get("overhead") or {})
    reports = [r for r in reports if r]
    if not reports:
        return unsaid.append("overhead: systape doctor says why")
    middle = lambda key: statistics.median(r.get(key, 0) for r in reports)
    bare, added, floor = middle("bare_ns_per_call"), middle("added_ns_per_call"), middle("floor_ns_per_call")
    row("a getppid", f"{bare:.0f} ns")
    row("added by recording", f"{added:.0f} ns")
    if floor:
        ratio = statistics.median(r["added_ns_per_call"] / r["floor_ns_per_call"] for r in reports)
        row("against probes that fill a ring buffer", f"{ratio:.2f} ×", bar="≤ 0.85 ×", holds=ratio <= 0.85)
    else:
        unsaid.append("the floor: this kernel has no BTF")


def tracers(server=None):
    """Name and command line of what records every call of the machine, or of a server."""
    here = path("peer")
    yield "systape record -a", [SYSTAPE, "record", "-q", "--force", "-a", "--spool", "-o", path("peer.parquet")]
    if BASE:
        yield "older build", [BASE, "record", "-q", "--force", "-a", "--spool", "-o", path("peer.parquet")]
    for name, command in (
        ("perf record -a", ["perf", "record", "-q", "-a", "-e", "raw_syscalls:sys_enter,raw_syscalls:sys_exit", "-o", here]),
        ("sysdig -w", ["sysdig", "-q", "-w", here]),
        ("bpftrace", ["bpftrace", "-q", "-o", here, "-e", 'tracepoint:raw_syscalls:sys_enter { printf("%llu %d %d\\n", nsecs, tid, args->id) } tracepoint:raw_syscalls:sys_exit { printf("%llu %d %d %d\\n", nsecs, tid, args->id, args->ret) }']),
        ("strace -f", ["strace", "-f", "-ttt", "-T", "-o", here] + (["-p", str(server)] if server else [])),
    ):
        if not shutil.which(command[0]):
            if server is None:
                unsaid.append(f"{command[0]}: not installed")
            continue
        yield name, command


def beside(command, work):
    """Runs work while a tracer of the whole machine runs; None if it does not start."""
    log = open(path("tracer.log"), "w+")
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    time.sleep(1)
    if tracer.poll() is not None:
        log.seek(0)
        unsaid.append(f"{command[0]}: does not run here: {(log.read().strip().splitlines() or ['no word'])[-1][:60]}")
        return None
    try:
        return work()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()


def peers():
    title("the same loop beside others: time a call takes, of the wall clock")
    rounds, failed = {}, set()
    def ns(words):
        return 1e9 * 0.5 / calls(run(*words))
    for _ in range(3):
        bare = ns(load(0.5))
        for name, command in tracers():
            if name in failed:
                continue
            if name == "strace -f":
                took = ns(command + load(0.5))
            else:
                took = beside(command, lambda: ns(load(0.5)))
            if took is None:
                failed.add(name)
                continue
            rounds.setdefault(name, []).append(took - bare)
    ours = statistics.median(rounds["systape record -a"])
    for name, added in rounds.items():
        row(name, f"+{statistics.median(added):.0f} ns", bar=f"{statistics.median(added) / ours:.1f} × systape")


def recorder():
    title("the recorder, one CPU calling at full speed")
    about = {}
    def cost(binary):
        begin = recorded(binary, ["true"], "--spool")["cost"]["cpu_seconds"]  # loading the programs, above all
        about[binary] = recorded(binary, load(SECONDS), "--spool")
        return 1e9 * (about[binary]["cost"]["cpu_seconds"] - begin) / about[binary]["rows"]
    def start(binary):
        began = time.time()
        first = float(run(binary, "record", "-q", "--force", "-o", path("start.parquet"), "--", "date", "+%s.%N"))
        return 1000 * (first - began)
    compare("CPU an event, ring buffer to spool", cost, lambda ns: f"{ns:.0f} ns", "≤ 40 ns", 40)
    compare("memory, kernel buffers included", lambda binary: about[binary]["cost"]["peak_rss_bytes"] / (1 << 20), lambda mib: f"{mib:.0f} MiB", "≤ 256", 256)
    compare("from start to the command", start, lambda ms: f"{ms:.0f} ms", "≤ 300", 300)


def loss():
    title("events lost, default settings")
    both = " & ".join(" ".join(load(SECONDS, cpu)) for cpu in CPUS[:2])
    burst = " & ".join(" ".join(load(0.11, CPUS[i % len(CPUS)])) for i in range(12))
    for name, command in (
        (f"one CPU at full speed for {SECONDS:.0f} s", load(SECONDS)),
        (f"both CPUs at full speed for {SECONDS:.0f} s", ["sh", "-c", both + " & wait"]),
        ("a burst of 12 processes", ["sh", "-c", burst + " & wait"]),
    ):
        def share(binary):
            about = recorded(binary, command, "--spool")
            return 100 * about["lost"] / max(1, about["lost"] + about["rows"])
        compare(name, share, lambda share: f"{share:.2f} %", "0", 0)


def mix():
    title("a real mix (find, grep, sh)")
    command = ["sh", "-c", "find /usr/share/doc /usr/lib -name '*.so*' -newer /etc/hostname | sort >/dev/null; grep -rlI systape /usr/share/doc >/dev/null 2>&1; for i in $(seq 300); do /bin/true; done"]
    def each(binary, *flags):
        about = recorded(binary, command, *flags, out="mix")
        return os.path.getsize(about["path"]) / about["rows"]
    compare("spool, an event", lambda binary: each(binary, "--spool"), lambda n: f"{n:.2f} B", "≤ 12", 12)
    compare("capture, an event", each, lambda n: f"{n:.2f} B", "≤ 4.2", 4.2)


def sealing():
    title(f"the wait at the end, both CPUs at full speed for {SECONDS:.0f} s")
    command = " & ".join(" ".join(load(SECONDS, cpu)) for cpu in CPUS[:2]) + " & wait; date +%s.%N >" + path("end")
    def wait(binary):
        recorded(binary, ["sh", "-c", command], out="sealed")
        return (os.stat(path("sealed.parquet")).st_mtime - float(open(path("end")).read())) / SECONDS
    compare("end of the command to finished file", wait, lambda x: f"{x:.2f} ×", "≤ 0.25 ×", 0.25)


def reading():
    title("reading: pairing and percentiles of a capture of one CPU at full speed, each build its own")
    speeds, peaks, costs = {}, {}, {}
    binaries = [SYSTAPE] + ([BASE] if BASE else [])
    about = {binary: recorded(binary, load(2 * SECONDS), out="reading" + str(i)) for i, binary in enumerate(binaries)}
    for cpus in (1, 2):
        for _ in range(3):
            for binary in binaries:
                began = time.monotonic()
                p = subprocess.Popen(["taskset", "-c", ",".join(map(str, CPUS[:cpus])), binary, "latency", about[binary]["path"]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                _, status, used = os.wait4(p.pid, 0)
                if status != 0:
                    return unsaid.append(f"reading: {binary} latency ended with {status}")
                rows = about[binary]["rows"]
                speeds[binary, cpus] = max(speeds.get((binary, cpus), 0), rows / (time.monotonic() - began) / 1e6)
                costs[binary] = min(costs.get(binary, 1e9), 1e9 * (used.ru_utime + used.ru_stime) / rows)
                peaks[binary] = max(peaks.get(binary, 0), used.ru_maxrss >> 10)
    rows = about[SYSTAPE]["rows"]
    def told(name, measure, form, bar="", holds=None):
        row(name, form(measure(SYSTAPE)), form(measure(BASE)) if BASE else "", bar, holds and holds(measure(SYSTAPE)))
    told(f"{rows / 1e6:.1f} million events, one CPU", lambda b: speeds[b, 1], lambda v: f"{v:.0f} M/s")
    told("two CPUs", lambda b: speeds[b, 2], lambda v: f"{v:.0f} M/s", "≥ 70 M/s", lambda v: v >= 70)
    told("two against one", lambda b: speeds[b, 2] / speeds[b, 1], lambda v: f"{v:.2f} ×", "≥ 1.8 ×", lambda v: v >= 1.8)
    told("CPU an event", lambda b: costs[b], lambda v: f"{v:.0f} ns")
    told("memory", lambda b: peaks[b], lambda v: f"{v} MiB", "≤ 300", lambda v: v <= 300)


def redis():
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        return unsaid.append("redis: redis-server and redis-benchmark are not installed")
    title("redis, GET by 20 clients: throughput that is left")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--dir", DIR], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        def get():
            text = run("redis-benchmark", "-p", port, "-q", "-t", "get", "-c", 20, "-n", os.environ.get("BENCH_REQUESTS", "60000"))
            return float(re.findall(r"([0-9.]+) requests per second", text)[-1])
        kept = {}
        for _ in range(3):
            for name, command in tracers(server.pid):
                bare = get()
                under = beside(command, get)
                if under is not None:
                    kept.setdefault(name, []).append(under / bare)
    finally:
        server.kill()
        server.wait()
    for name, ratios in kept.items():
        ratio = statistics.median(ratios)
        mine = name == "systape record -a"
        row(name, f"{ratio:.2f} ×", bar="≥ 0.88 ×" if mine else "", holds=ratio >= 0.88 if mine else None)


def main():
    if os.geteuid() != 0:
        raise SystemExit("make bench records: run it as root")
    if len(CPUS) < 2:
        raise SystemExit("make bench needs two CPUs: one for the loop, one for the recorder")
    busy = os.getloadavg()[0]
    print(f"{run(SYSTAPE, '--version').splitlines()[0]}, Linux {os.uname().release}, {len(CPUS)} CPUs" + (f", beside {run(BASE, '--version').splitlines()[0]}" if BASE else ""))
    if busy > 0.5:
        print(f"this machine is not idle (load {busy:.1f}): figures are worse than they are")
    print(f"{'':39}{'measured':>12}{'older build' if BASE else '':>12}  bar")
    for part in (overhead, peers, recorder, loss, mix, sealing, reading, redis):
        if len(sys.argv) <= 3 or part.__name__ in sys.argv[3:]:
            part()
    for line in dict.fromkeys(unsaid):
        print(f"not measured: {line}")
    print(f"\n{missed} of the bars missed" if missed else "\nall bars hold")


try:
    main()
except subprocess.CalledProcessError as e:
    raise SystemExit(f"{' '.join(e.cmd)}: exit code {e.returncode}\n{e.stderr}")
finally:
    shutil.rmtree(DIR, ignore_errors=True)
