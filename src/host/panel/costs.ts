/** @file What the prompts of a panel's runs cost: asked of the runtime once, kept as long as the panel, measured on request. */
import * as vscode from "vscode";
import type { Cost, MeasuredCost } from "../../results/cost.ts";
import type { CostState } from "../../shared/panel.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import { explain } from "../window/explain.ts";
import { type Log, logError } from "../window/log.ts";

type Tell = (run: string, state: CostState) => void;

interface Known {
  cost: Cost;
  measured: MeasuredCost | null;
}

export class RunCosts implements vscode.Disposable {
  private readonly service: ServiceClient;
  private readonly log: Log;
  private readonly tell: Tell;
  private readonly known = new Map<string, Known>();
  /** The measurement under way: one at a time, since two would slow each other. */
  private measuring: { run: string; cancellation: vscode.CancellationTokenSource } | undefined;

  constructor(service: ServiceClient, log: Log, tell: Tell) {
    this.service = service;
    this.log = log;
    this.tell = tell;
  }

  /** Tells what `run` costs on paper, and what was measured of it. */
  async reckon(run: string): Promise<void> {
    const known = this.known.get(run);
    if (known) return this.show(run);
    try {
      const { cost } = await this.service.request("cost", { run, measure: false });
      this.known.set(run, { cost, measured: null });
      this.show(run);
    } catch (error) {
      logError(this.log, "what a prompt costs", error);
      this.tell(run, { kind: "unknown", problem: explain(error) });
    }
  }

  async measure(run: string): Promise<void> {
    this.stop();
    const cancellation = new vscode.CancellationTokenSource();
    this.measuring = { run, cancellation };
    this.show(run);
    let problem: { message: string; hint: string } | null = null;
    try {
      this.known.set(run, await this.service.request("cost", { run, measure: true }, { token: cancellation.token }));
    } catch (error) {
      if (!cancellation.token.isCancellationRequested) {
        logError(this.log, "measuring what a prompt costs", error);
        problem = explain(error);
      }
    } finally {
      if (this.measuring?.cancellation === cancellation) this.measuring = undefined;
      cancellation.dispose();
    }
    this.show(run, problem);
  }

  /** Ends the measurement under way; what it found so far is forgotten. */
  stop(): void {
    this.measuring?.cancellation.cancel();
    this.measuring = undefined;
  }

  dispose(): void {
    this.stop();
  }

  private show(run: string, problem: { message: string; hint: string } | null = null): void {
    const known = this.known.get(run);
    if (!known) return;
    const isMeasuring = this.measuring?.run === run;
    const said = problem && { message: problem.message, hint: problem.hint };
    this.tell(run, { kind: "known", ...known, isMeasuring, problem: said });
  }
}
