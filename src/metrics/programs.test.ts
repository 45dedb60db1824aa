import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unless } from "../../test/support/skip.ts";
import { createPythonRunner, type ProgramRunner } from "./programs.ts";

const hasPython = process.platform !== "win32" && spawnSync("python3", ["-c", "import resource"]).status === 0;
const skipped = unless(hasPython, "there is no python3 that can limit a process");

/** Landlock is system call 444 on every Linux; with the flag 1 it tells its version. */
function hasLandlock(): boolean {
  const probe = "import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))";
  return process.platform === "linux" && Number(spawnSync("python3", ["-c", probe]).stdout) >= 1;
}
const landlock = hasPython && hasLandlock();
const confined = unless(landlock, "this kernel has no Landlock");

/** What programs have left in `folder`, and, on Linux, the processes that still work there. */
function leftIn(folder: string): string[] {
  const folders = readdirSync(folder).filter((name) => name.startsWith("ulpt-program-"));
  const processes = process.platform === "linux" ? readdirSync("/proc").filter((name) => /^\d+$/.test(name)) : [];
  return [
    ...folders,
    ...processes.filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(join(folder, "ulpt-program-"));
      } catch {
        return false; // it has ended, or is somebody else's
      }
    }),
  ];
}

describe.skipIf(!hasPython)(`programs in Python${skipped}`, () => {
  let run: ProgramRunner;
  let folder: string;
  /** Where programs get their folders. */
  let work: string;
  const before = process.env.TMPDIR;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "ulpt-programs-"));
    work = join(folder, "work");
    mkdirSync(work);
    process.env.TMPDIR = work;
    run = await createPythonRunner({ seconds: 2 });
  });
  afterAll(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ["one that is right", "def add(a, b):\n  return a + b", "assert add(1, 2) == 3", "passed"],
    ["one that is wrong", "def add(a, b):\n  return a - b", "assert add(1, 2) == 3", "failed"],
    ["one with a syntax error", "def add(a, b) return a", "assert add(1, 2) == 3", "error"],
    ["one that raises", "def add(a, b):\n  raise ValueError", "assert add(1, 2) == 3", "error"],
    ["one without a function", "", "assert add(1, 2) == 3", "error"],
    ["the function under another name", "def plus(a, b):\n  return a + b", "assert add(1, 2) == 3", "passed"],
    ["one that imports", "import math, re, collections", "assert math.gcd(4, 6) == 2", "passed"],
    ["one that asserts of itself what is false", "assert 1 == 2", "assert True", "failed"],
    [
      "one whose function is a class under another name",
      "class Sum:\n  def __new__(cls, a, b):\n    return a + b",
      "assert add(1, 2) == 3",
      "passed",
    ],
    [
      "one that has the function beside a helper",
      "def helper(a):\n  return 0\ndef add(a, b):\n  return a + b",
      "assert add(1, 2) == 3",
      "passed",
    ],
    ["an assertion that is no Python", "def add(a, b):\n  return a + b", "assert add(1, 2) == ", "error"],
    ["endless recursion", "def add(a, b):\n  return add(a, b)", "assert add(1, 2) == 3", "error"],
    ["words outside ASCII", "def f():\n  return 'é\u{1F600}'", "assert f() == 'é\u{1F600}'", "passed"],
  ])("judges %s", async (_, program, assertion, expected) => {
    expect(await run(program, assertion)).toBe(expected);
  });

  it.each([
    ["it is called right after assert", "assert add(1, 2) == 3", "passed", "passed"],
    ["it is called inside another call", "assert abs(add(1, 2)) == 3", "error", "passed"],
    ["what is right after assert is no call", "assert not add(1, 2) == 4", "error", "passed"],
    ["an assertion follows what sets it up", "three = 3\nassert add(1, 2) == three", "passed", "passed"],
    ["an assertion in brackets calls it", "assert (add(1, 2) == 3)", "error", "passed"],
  ])("finds a function of another name, by either rule, where %s", async (_, assertion, asserted, called) => {
    const strict = await createPythonRunner({ seconds: 2, alias: "asserted" });
    const program = "def plus(a, b):\n  return a + b";
    expect([await strict(program, assertion), await run(program, assertion)]).toEqual([asserted, called]);
    const named = "def add(a, b):\n  return a + b";
    expect([await strict(named, assertion), await run(named, assertion)]).toEqual(["passed", "passed"]);
  });

  it.each([
    ["prints that it passed", "print('passed')\nimport sys\nsys.stdout.flush()", "error"],
    ["leaves with success", "import os\nos._exit(0)", "error"],
    ["leaves with success when it is called", "import os\ndef f():\n  os._exit(0)", "error"],
    ["calls sys.exit", "import sys\nsys.exit(0)", "error"],
    ["raises SystemExit", "raise SystemExit(0)", "error"],
    ["raises KeyboardInterrupt", "def f():\n  raise KeyboardInterrupt", "error"],
    [
      "replaces what writes its result",
      "import os\nos.write = os._exit = lambda *a: None\ndef f():\n  return 2",
      "failed",
    ],
    ["replaces exec", "import builtins\nbuiltins.exec = lambda *a, **k: None\ndef f():\n  return 2", "failed"],
    [
      "replaces compile",
      "import builtins\nreal = compile\nbuiltins.compile = lambda *a, **k: real('', '', 'exec')\ndef f():\n  return 2",
      "failed",
    ],
    ["replaces the parser", "import ast\nast.parse = ast.walk = lambda *a, **k: []\ndef f():\n  return 2", "failed"],
    ["leaves when Python would", "import atexit, os\natexit.register(os._exit, 0)\ndef f():\n  return 2", "failed"],
    [
      "floods every descriptor",
      "import os\nfor fd in range(64):\n  try:\n    for i in range(300): os.write(fd, b'passed ' * 8192)\n  except OSError: pass\ndef f():\n  return 1",
      "error",
    ],
    ["raises SystemExit in the assertion", "def f():\n  raise SystemExit(0)", "error"],
    [
      "writes to every descriptor",
      "import os\nfor fd in range(64):\n  try: os.write(fd, b'passed')\n  except OSError: pass",
      "error",
    ],
    [
      "writes to every descriptor and leaves before its result is written",
      "import os\nfor fd in range(64):\n  try: os.write(fd, b'0123456789abcdef0123456789abcdef passed')\n  except OSError: pass\nos._exit(0)",
      "error",
    ],
    ["kills itself", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "error"],
  ])("is not taken in by one that %s", async (_, program, expected) => {
    expect(await run(program, "assert f() == 1")).toBe(expected);
  });

  it("ends one that never ends, together with what it began", async () => {
    const quick = await createPythonRunner({ seconds: 1 });
    expect(await quick("while True: pass", "assert True")).toBe("timeout");
    expect(await quick("import time\ntime.sleep(1e6)", "assert True")).toBe("timeout");
    expect(leftIn(work)).toEqual([]);
  });

  // Unconfined, so that root may begin processes at all.
  it("ends all of them when it is asked to stop, and begins no more", async () => {
    const stopping = new AbortController();
    const stoppable = await createPythonRunner({ seconds: 60, parallel: 2, signal: stopping.signal });
    const sleeping = "import time\ndef one():\n  time.sleep(50)\n  return 1";
    const runs = [1, 2, 3].map(() => stoppable(sleeping, "assert one() == 1"));
    setTimeout(() => stopping.abort(new Error("enough")), 300);
    for (const { status } of await Promise.allSettled(runs)) expect(status).toBe("rejected");
    await expect(stoppable("def one(): return 1", "assert one() == 1")).rejects.toThrow("enough");
    expect(leftIn(work)).toEqual([]);
  });

  it("ends what one has begun, where it could, when it has ended itself", async () => {
    const loose = await createPythonRunner({ seconds: 5, confine: false });
    const program =
      "import os, time\nfor i in range(8):\n  try:\n    if os.fork() == 0:\n      while True: time.sleep(1)\n  except OSError: pass";
    expect(await loose(program, "assert True")).toBe("passed");
    await expect.poll(() => leftIn(work)).toEqual([]);
  });

  it("does not wait for what has left the group of its processes", async () => {
    const loose = await createPythonRunner({ seconds: 5, confine: false });
    const stop = join(folder, "stop");
    const over = join(folder, "over");
    const program = `import os, time
try:
  if os.fork() == 0:
    os.setsid()
    for i in range(200):
      if os.path.exists(${JSON.stringify(stop)}): os._exit(0)
      time.sleep(0.1)
    open(${JSON.stringify(over)}, 'w').close()
    os._exit(0)
  time.sleep(0.3)
except OSError: pass`;
    try {
      expect(await loose(program, "assert True")).toBe("passed");
      expect(existsSync(over)).toBe(false);
    } finally {
      writeFileSync(stop, "");
    }
    await expect.poll(() => leftIn(work), { timeout: 5000 }).toEqual([]);
    rmSync(stop);
  });

  it("lets none write a large file, or open many", async () => {
    const tries = (what: string) =>
      `def f():\n  try:\n    ${what}\n    return True\n  except OSError:\n    return False`;
    expect(await run(tries("open('x', 'wb', 0).write(bytes(1 << 20))"), "assert f()")).toBe("passed");
    expect(await run(tries("print('x' * (2 << 20), file=open('x', 'w'), flush=True)"), "assert not f()")).toBe(
      "passed",
    );
    expect(await run(tries("[open('x', 'w') for i in range(64)]"), "assert not f()")).toBe("passed");
  });

  it.skipIf(process.platform !== "linux")("stops one that takes all memory, or floods its output", async () => {
    expect(await run("x = bytearray(4 << 30)", "assert True")).toBe("error");
    expect(await run("x = []\nwhile True: x.append('x' * (1 << 20))", "assert True")).toBe("error");
    expect(await run("for i in range(200000): print('x' * 100)", "assert True")).toBe("passed");
  });

  it.skipIf(process.platform !== "linux")("lets none begin processes or threads", async () => {
    const begins = (what: string) =>
      `import os, threading, subprocess\ndef f():\n  try:\n    ${what}\n    return 'began'\n  except (OSError, RuntimeError):\n    return 'refused'`;
    for (const what of ["os.fork()", "threading.Thread(target=print).start()", "subprocess.run(['true'])"]) {
      expect(await run(begins(what), "assert f() == 'refused'"), what).toBe("passed");
    }
  });

  it("gives it nothing of the environment", async () => {
    process.env.ULPT_TEST_SECRET = "hf_secret";
    try {
      const program = "import os\ndef f():\n  return [v for v in os.environ.values() if 'hf_secret' in v]";
      expect(await run(program, "assert f() == []")).toBe("passed");
      // LC_CTYPE is set by Python itself.
      const names = "import os\ndef f():\n  return set(os.environ) - {'LC_CTYPE', '__CF_USER_TEXT_ENCODING'}";
      expect(await run(names, "assert f() == set()")).toBe("passed");
    } finally {
      delete process.env.ULPT_TEST_SECRET;
    }
  });

  it.skipIf(!landlock)(`lets it read and write nothing of the user's, and reach no network${confined}`, async () => {
    const path = join(folder, "token");
    writeFileSync(path, "hf_secret");
    const tries = (what: string) =>
      `import os, socket\ndef f():\n  try:\n    ${what}\n    return True\n  except OSError:\n    return False`;
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const refused = [
      `open(${JSON.stringify(path)}).read()`,
      `open(${JSON.stringify(path)}, 'w').write('x')`,
      `open(${JSON.stringify(join(folder, "new"))}, 'w')`,
      "open('/etc/passwd').read()",
      `socket.create_connection(('127.0.0.1', ${port}), 1)`,
      "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
      "socket.socket(socket.AF_UNIX)",
      `os.listdir(${JSON.stringify(folder)})`,
      `os.mkdir(${JSON.stringify(join(folder, "new"))})`,
      `os.remove(${JSON.stringify(path)})`,
      "os.kill(os.getppid(), 0)",
      "os.kill(0, 0)",
    ];
    for (const what of refused) expect(await run(tries(what), "assert f() is False"), what).toBe("passed");
    expect(await run(tries("open('own', 'w').write('x')"), "assert f()")).toBe("passed");
    // Each of these can be done where nothing is confined, or else nothing has been shown.
    const loose = await createPythonRunner({ confine: false });
    const possible = [`open(${JSON.stringify(path)}).read()`, `socket.create_connection(('127.0.0.1', ${port}), 1)`];
    for (const what of possible) expect(await loose(tries(what), "assert f()"), what).toBe("passed");
    server.close();
    expect(readdirSync(folder).toSorted()).toEqual(["token", "work"]);
  });

  it("removes what each has written, and keeps results apart where several run", async () => {
    const programs = Array.from({ length: 9 }, (_, i) => `open('x', 'x').write('${i}')\ndef f():\n  return ${i}`);
    const outcomes = await Promise.all(programs.map((program, i) => run(program, `assert f() == ${i} and ${i} != 5`)));
    expect(outcomes).toEqual(programs.map((_, i) => (i === 5 ? "failed" : "passed")));
    expect(leftIn(work)).toEqual([]);
  });

  it("runs no more at a time than it is told", async () => {
    const log = join(folder, "log");
    const alone = await createPythonRunner({ parallel: 1, confine: false });
    const program = `import time\nwith open(${JSON.stringify(log)}, 'a') as f:\n  f.write('in ')\n  f.flush()\n  time.sleep(0.1)\n  f.write('out ')`;
    await Promise.all([1, 2, 3].map(() => alone(program, "assert True")));
    const { stdout } = spawnSync("cat", [log], { encoding: "utf8" });
    expect(stdout.trim()).toBe("in out in out in out");
  });

  it("runs as many at a time as it is told", async () => {
    const two = await createPythonRunner({ parallel: 2, seconds: 10, confine: false });
    // Each waits for its partner, so none passes unless two run at once.
    const meets = (own: string, other: string) =>
      `import os, time\nos.mkdir(${JSON.stringify(join(folder, own))})\nwhile not os.path.exists(${JSON.stringify(join(folder, other))}): time.sleep(0.01)`;
    const pairs = ["a b", "b a", "c d", "d c"].map((pair) => pair.split(" ") as [string, string]);
    const outcomes = await Promise.all(pairs.map(([own, other]) => two(meets(own, other), "assert True")));
    expect(outcomes).toEqual(pairs.map(() => "passed"));
  });

  it("passes its place on after one that has run too long", async () => {
    const alone = await createPythonRunner({ parallel: 1, seconds: 1.5 });
    const outcomes = await Promise.all([alone("while True: pass", "assert True"), alone("", "assert True")]);
    expect(outcomes).toEqual(["timeout", "passed"]);
  });

  it.each([
    ["is no Python", { python: "true" }, "starts in a terminal"],
    ["gets too little time", { seconds: 0.001 }, "Allow more time"],
    // macOS does not limit memory, so there it is time again.
    [
      "gets too little memory",
      { memoryBytes: 2 ** 20, ...(process.platform === "linux" ? {} : { seconds: 0.001 }) },
      "another Python",
    ],
  ])("are refused before any is run where what should run them %s", async (_, options, hint) => {
    await expect(createPythonRunner(options)).rejects.toMatchObject({
      code: "PROGRAMS_FAILED",
      where: expect.any(String),
      expected: expect.any(String),
      hint: expect.stringContaining(hint),
    });
    expect(leftIn(work)).toEqual([]);
  });
});

describe("a Python that is not there", () => {
  it("is said, with what to do", async () => {
    await expect(createPythonRunner({ python: "python-that-is-not-there" })).rejects.toMatchObject({
      code: "PROGRAMS_FAILED",
      hint: expect.stringMatching(/Install Python 3|another machine/),
    });
  });
});
