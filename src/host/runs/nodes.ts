/** @file The nodes of the Runs and Prompts views. Commands of menus are handed one of them. */
import type * as vscode from "vscode";
import type { RunSummary } from "../../listing/summary.ts";
import type { SweepRunView, SweepView } from "../../results/sweep.ts";
import type { KeptEvaluation } from "../../runs/evaluations.ts";
import type { CheckpointRow } from "./collect.ts";
import type { ExperimentEntry } from "./experiments.ts";
import type { FailedLaunch, Starting } from "./launches.ts";

export interface FolderNode {
  kind: "folder";
  id: string;
  folder: vscode.WorkspaceFolder;
  parent: undefined;
}

export interface ExperimentNode {
  kind: "experiment";
  id: string;
  entry: ExperimentEntry;
  parent: FolderNode | undefined;
}

export interface GroupNode {
  kind: "group";
  id: string;
  key: string;
  label: string;
  runs: readonly RunSummary[];
  parent: ExperimentNode;
}

export interface RunNode {
  kind: "run";
  id: string;
  entry: ExperimentEntry;
  run: RunSummary;
  best: boolean;
  parent: ExperimentNode | GroupNode;
}

export interface CheckpointNode {
  kind: "checkpoint";
  id: string;
  entry: ExperimentEntry;
  run: RunSummary;
  checkpoint: CheckpointRow;
  /** Those that somebody asked for. */
  evaluations: readonly KeptEvaluation[];
  parent: RunNode;
}

/** An evaluation of a checkpoint that somebody asked for. */
export interface EvaluationNode {
  kind: "evaluation";
  id: string;
  entry: ExperimentEntry;
  run: RunSummary;
  step: number;
  evaluation: KeptEvaluation;
  parent: CheckpointNode;
}

/** A launch that has no run yet, or ended before its first one. */
export interface LaunchNode {
  kind: "launch";
  id: string;
  launched: Starting | FailedLaunch;
  parent: ExperimentNode;
}

/** The newest sweep of an experiment, while something is left of it to do. */
export interface SweepNode {
  kind: "sweep";
  id: string;
  entry: ExperimentEntry;
  view: SweepView;
  parent: ExperimentNode;
}

/** A run of a sweep that waits for its turn. */
export interface WaitingNode {
  kind: "waiting";
  id: string;
  entry: ExperimentEntry;
  run: SweepRunView;
  /** From 0. */
  place: number;
  parent: SweepNode;
}

/** A state in words where there is nothing else to show. */
export interface MessageNode {
  kind: "message";
  id: string;
  text: string;
  icon: string;
  command?: vscode.Command;
  parent: RunsNode | undefined;
}

/** The rest of a long list. */
export interface MoreNode {
  kind: "more";
  id: string;
  left: number;
  parent: ExperimentNode | GroupNode;
}

export type RunsNode =
  | FolderNode
  | ExperimentNode
  | GroupNode
  | RunNode
  | CheckpointNode
  | EvaluationNode
  | LaunchNode
  | SweepNode
  | WaitingNode
  | MessageNode
  | MoreNode;

export interface PromptFolderNode {
  kind: "promptFolder";
  folder: vscode.WorkspaceFolder;
}

export interface PromptNode {
  kind: "prompt";
  folder: vscode.WorkspaceFolder;
  /** Absolute path. */
  path: string;
  /** File name without its ending. */
  name: string;
  bytes: number;
}

export interface PromptMessageNode {
  kind: "promptMessage";
  text: string;
}

export type PromptsNode = PromptFolderNode | PromptNode | PromptMessageNode;
