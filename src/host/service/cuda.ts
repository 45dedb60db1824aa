/** @file `ULPT: Set Up CUDA…`: asks before anything is downloaded, installs onnxruntime's provider, and says what is still missing. */
import * as vscode from "vscode";
import type { CudaPlan, CudaState } from "../../shared/service.ts";
import { byteText } from "../../words/numbers.ts";
import { markdownCode, markdownText } from "../../words/surfaces.ts";
import type { Services } from "../services.ts";
import { showPage } from "../window/reports.ts";
import { confirm, showInformation } from "../window/window.ts";
import { devicesTable } from "./commands.ts";
import { requireTrust } from "./runtime.ts";
import { withServiceProgress } from "./serviceProgress.ts";

const { t } = vscode.l10n;

export async function setUpCuda({ service, log }: Pick<Services, "service" | "log">): Promise<void> {
  requireTrust();
  const state = await withServiceProgress(t("Looking for CUDA"), (options) =>
    service.request("cudaState", {}, options),
  );
  if (state?.folder) return changeInstalled({ service, log }, state);
  const plan = await withServiceProgress(t("Asking what CUDA takes"), (options) =>
    service.request("planCuda", {}, options),
  );
  if (await agreed(plan)) await install({ service, log });
}

function agreed({ version, address, bytes, received, folder }: CudaPlan): Promise<boolean> {
  const here = received > 0 ? t(", of which {0} are here", byteText(received)) : "";
  const detail = [
    t("From {0}", address),
    t("Into {0}", folder),
    t("The file's SHA-512 is compared with NuGet's catalog. CUDA and cuDNN themselves are not part of it."),
  ].join("\n");
  const question = t("Download onnxruntime's CUDA provider {0}? It is {1}{2}.", version, byteText(bytes), here);
  return confirm(question, t("Download"), detail);
}

async function install({ service, log }: Pick<Services, "service" | "log">): Promise<void> {
  const { state, report } = await withServiceProgress(t("Setting up CUDA"), (options) =>
    service.request("installCuda", {}, options),
  );
  const text = pageText(state, devicesTable([report]));
  log.info(text);
  await showPage(t("CUDA"), text);
}

async function changeInstalled({ service, log }: Pick<Services, "service" | "log">, state: CudaState): Promise<void> {
  const [show, remove] = [t("Show"), t("Remove")];
  const text = t("onnxruntime's CUDA provider {0} is installed.", state.version);
  const chosen = await showInformation(text, show, remove);
  if (chosen === remove) {
    const { bytes } = await service.request("removeCuda", {});
    void showInformation(
      bytes > 0
        ? t("CUDA's provider was removed: {0}.", byteText(bytes))
        : t("It lies beside onnxruntime itself, in {0}, and was not put there by ULPT Lab.", state.folder ?? ""),
    );
  }
  if (chosen !== show) return;
  const reports = await withServiceProgress(t("Trying every device…"), (options) =>
    service.request("devices", {}, options),
  );
  const page = pageText(state, devicesTable(reports));
  log.info(page);
  await showPage(t("CUDA"), page);
}

function pageText({ version, folder, needs, libraries, missing, advice }: CudaState, devices: string): string {
  const rows = libraries.map(({ name, path }) => [
    markdownCode(name),
    path === null ? t("missing") : markdownCode(path),
  ]);
  const table = [[t("Library"), t("Where")], ["---", "---"], ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  const todo = advice.length > 0 ? advice : missing.map(markdownText); // names come from a file, the advice is ours
  return [
    `# ${t("ULPT Lab: CUDA")}`,
    t("onnxruntime's CUDA provider {0} is in {1}.", version, markdownCode(folder ?? "")),
    `## ${needs ? t("It needs {0}", needs) : t("What it needs")}`,
    table.join("\n"),
    ...(todo.length > 0 ? [t("To do: {0}.", todo.join("; "))] : []),
    `## ${t("The trial")}`,
    devices,
    "",
  ].join("\n\n");
}
