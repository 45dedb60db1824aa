import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
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
    ["words outside ASCII", "def f():\n  return 'é\u{1F600}'", "assert f() == 'é\u{1F600}'", "passed"],
  ])("judges %s", async (_, program, assertion, expected) => {
    expect(await run(program, assertion)).toBe(expected);
  });

  it.each([
    ["prints that it passed", "print('passed')\nimport sys\nsys.stdout.flush()", "error"],
    ["leaves with success", "import os\nos._exit(0)", "error"],
    ["calls sys.exit", "import sys\nsys.exit(0)", "error"],
    ["raises SystemExit in the assertion", "def f():\n  raise SystemExit(0)", "error"],
    [
      "writes to every descriptor",
      "import os\nfor fd in range(64):\n  try: os.write(fd, b'passed')\n  except OSError: pass",
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
      expect(await run("import os\ndef f():\n  return 'HOME' in os.environ", "assert not f()")).toBe("passed");
    } finally {
      delete process.env.ULPT_TEST_SECRET;
    }
  });

  it.skipIf(!landlock)(`lets it read and write nothing of the user's, and reach no network${confined}`, async () => {
    const path = join(folder, "token");
    writeFileSync(path, "hf_secret");
    const tries = (what: string) =>
      `import socket\ndef f():\n  try:\n    ${what}\n    return True\n  except OSError:\n    return False`;
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const refused = [
      `open(${JSON.stringify(path)}).read()`,
      `open(${JSON.stringify(path)}, 'w').write('x')`,
      `open(${JSON.stringify(join(folder, "new"))}, 'w')`,
      "open('/etc/passwd').read()",
      `socket.create_connection(('127.0.0.1', ${port}), 1)`,
    ];
    for (const what of refused) expect(await run(tries(what), "assert f() is False"), what).toBe("passed");
    expect(await run(tries("open('own', 'w').write('x')"), "assert f()")).toBe("passed");
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
});

describe("a Python that is not there", () => {
  it("is said, with what to do", async () => {
    await expect(createPythonRunner({ python: "python-that-is-not-there" })).rejects.toMatchObject({
      code: "PROGRAMS_FAILED",
      hint: expect.stringMatching(/Install Python 3|another machine/),
    });
  });
});
