/** @file A child process of test/integration/webgpu.test.ts: verifies a case on webgpu and prints the result. */
import { openModel } from "../../src/models/model.ts";
import { verifyCase } from "../../src/models/verify.ts";

const [folder, caseFile] = process.argv.slice(2);
console.log(JSON.stringify(await verifyCase(openModel(folder!), caseFile!, "webgpu")));
process.exit(0); // the provider's own threads would keep the process
