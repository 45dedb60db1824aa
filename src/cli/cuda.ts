/** @file `ulpt devices --install cuda` and `--remove cuda`, and what is said of CUDA where it does not work. */
import { type InstallPlan, installCuda, planInstallation, removeCuda } from "../cuda/install.ts";
import { openCudaLibraries, openEngine, providerFault } from "../cuda/load.ts";
import { nugetSource, packageId } from "../cuda/source.ts";
import { type CudaState, cudaState } from "../cuda/state.ts";
import { UlptError } from "../errors.ts";
import type { OnProgress } from "../fetching/progress.ts";
import { type EnginePlace, type EnginePreparation, enginePlace } from "../graph/engine.ts";
import { visibleLine } from "../words/surfaces.ts";
import { reportDevice } from "./devices.ts";
import { formatBytes } from "./format.ts";
import { createReporter } from "./output.ts";
import { devicesTable } from "./table.ts";
import { askYes, canAsk, say, sayJson } from "./terminal.ts";

/** Has the engine find what was installed. */
export const cudaPreparation: EnginePreparation = {
  beforeEngine: (engine) => openEngine(engine),
  beforeDevice: (device, engine) => {
    if (device === "cuda") openCudaLibraries(engine);
  },
};

/** What is downloaded and where to, without downloading it. @throws as `planInstallation` */
export function planCuda(signal?: AbortSignal): Promise<InstallPlan> {
  return planInstallation(requireEngine(), nugetSource(process.env), process.env, signal);
}

/** Downloads and installs. To be called after somebody agreed. @throws as `installCuda` */
export async function bringCuda(options: { signal: AbortSignal; onProgress: OnProgress }): Promise<CudaState> {
  const engine = requireEngine();
  await installCuda(engine, nugetSource(process.env), process.env, options);
  return cudaState(engine, process.env)!;
}

export function takeCudaAway(): Promise<number> {
  return removeCuda(process.env);
}

/** @throws DEVICE_MISSING */
function requireEngine(): EnginePlace {
  const place = enginePlace();
  if (place) return place;
  throw new UlptError("DEVICE_MISSING", "onnxruntime-node is not installed.", {
    where: `${process.platform} ${process.arch}`,
    hint: "Install it with `npm install onnxruntime-node`.",
  });
}

/**
 * Says what would be downloaded, and asks whether to.
 * @returns whether to go on
 * @throws DOWNLOAD_UNASKED where nobody can be asked; as `planCuda`
 */
export async function agreeToCuda({ yes, json }: { yes: boolean; json: boolean }): Promise<boolean> {
  const plan = await planCuda();
  if (json) sayJson({ type: "plan", package: packageId, ...plan });
  else say(planText(plan));
  if (yes || plan.isInstalled) return true;
  if (json || !canAsk()) {
    throw new UlptError(
      "DOWNLOAD_UNASKED",
      `Nothing was downloaded: nobody could be asked about ${formatBytes(plan.bytes)}.`,
      {
        where: visibleLine(plan.address),
        hint: "Give --yes to download it without a question.",
      },
    );
  }
  if (await askYes("Download and install it?")) return true;
  say("Nothing was downloaded.");
  return false;
}

function planText({ version, address, bytes, received, sha512, folder, isInstalled }: InstallPlan): string {
  const here = received > 0 ? `, of which ${formatBytes(received)} are here` : "";
  const lines = [
    `${packageId} ${version}`,
    `  from    ${address}`,
    `  size    ${formatBytes(bytes)}${here}`,
    `  sha512  ${sha512.slice(0, 32)}… (of NuGet's catalog)`,
    `  into    ${folder}${isInstalled ? ", where it is installed already" : ""}`,
  ];
  return lines.map(visibleLine).join("\n");
}

/** What `--install` does once it is agreed to. */
export async function installDevice({ json }: { json: boolean }, signal: AbortSignal): Promise<void> {
  const reporter = createReporter({ json }, signal);
  const onProgress: OnProgress = (progress) => reporter.preparing({ stage: "download", ...progress });
  const state = await bringCuda({ signal, onProgress });
  const report = await reportDevice("cuda");
  if (json) {
    sayJson({ type: "installed", ...state });
    sayJson(report);
  } else say(`${stateText(state)}\n${devicesTable([report])}`);
}

export async function removeDevice({ json }: { json: boolean }): Promise<void> {
  const bytes = await takeCudaAway();
  if (json) sayJson({ type: "removed", bytes });
  else say(bytes > 0 ? `CUDA's provider was removed: ${formatBytes(bytes)}.` : "Nothing was installed.");
}

function stateText({ version, folder, needs, libraries, missing, advice }: CudaState): string {
  const width = Math.max(0, ...libraries.map(({ name }) => name.length));
  return [
    `onnxruntime ${version} has its CUDA provider in ${folder}`,
    `it needs ${needs || "no CUDA that is known here"}:`,
    ...libraries.map(({ name, path }) => `  ${name.padEnd(width)}  ${path ?? "missing"}`),
    ...(missing.length > 0 ? [`to do: ${advice.join("; ") || `install ${missing.join(", ")}`}`] : []),
  ]
    .map(visibleLine)
    .join("\n");
}

/** Undefined where the engine has no CUDA for the platform. */
export function stateOfCuda(): CudaState | undefined {
  const place = enginePlace();
  return place && cudaState(place, process.env);
}

/**
 * More than the engine says of why a provider was not loaded. In a process that has just tried it.
 * @param name of a device, or of one of its kind: `cuda:1`
 */
export function loaderFault(name: string): string | undefined {
  const place = /^cuda(:|$)/.test(name) ? enginePlace() : undefined;
  return place && providerFault(place);
}

/** Why CUDA is missing, and what it needs, as far as more is known than the engine says. */
export function cudaFault(): { reason?: string; needs: string } {
  const state = stateOfCuda();
  if (!state) return { needs: "Linux x64 with an NVIDIA GPU" };
  const { folder, missing, needs, advice } = state;
  if (folder === null) {
    return {
      reason: "onnxruntime's CUDA provider is not installed",
      needs:
        "an NVIDIA GPU with CUDA and cuDNN, and the provider: `ulpt devices --install cuda`, or ULPT: Set Up CUDA… in VS Code, fetches it",
    };
  }
  if (missing.length === 0) return { needs: `an NVIDIA GPU whose driver is new enough for ${needs}` };
  return {
    reason: `libraries are missing: ${missing.join(", ")}`,
    needs: advice.length > 0 ? `${needs}: ${advice.join("; ")}` : needs,
  };
}
