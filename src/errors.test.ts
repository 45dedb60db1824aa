import { expect, it } from "vitest";
import { recordedAsError, UlptError } from "./errors.ts";

it("an error that a process left in a file is said anew, whole, with what it is about", () => {
  const error = new UlptError("OUT_OF_MEMORY", "Too much.", { where: "cpu", expected: "less", hint: "Take less." });
  const read = JSON.parse(JSON.stringify(error)) as { code: string; message: string };
  expect(recordedAsError(read).describe()).toBe(error.describe());
  expect(recordedAsError(read, "notes-r2")).toMatchObject({ code: "OUT_OF_MEMORY", message: "notes-r2: Too much." });
});

it.each(["SOMETHING_NEWER", "toString", "", "__proto__"])("of the code %j, unknown here, it still fails", (code) => {
  const error = recordedAsError({ code, message: "Gone." });
  expect(error).toMatchObject({ code: "RUN_INTERRUPTED", message: "Gone." });
  expect(error.exitCode).toBeGreaterThan(0);
});
