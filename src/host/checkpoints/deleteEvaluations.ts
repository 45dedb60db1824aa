/** @file Deleting kept evaluations: of a checkpoint or an exported prompt, one or several at once. */
import * as vscode from "vscode";
import { evaluationsOf } from "../../listing/keptAnswers.ts";
import { filesOfEvaluations, findEvaluation, type KeptEvaluation, listEvaluations } from "../../runs/evaluations.ts";
import { runPaths } from "../../runs/layout.ts";
import { coreCommands } from "../ids.ts";
import type { Handler } from "../register.ts";
import { evaluationTexts } from "../runs/collect.ts";
import { askAndRemove } from "../runs/commands.ts";
import { activeTarget, chooseRuns, type EvaluationTarget, type Target, targetsOf } from "../runs/targets.ts";
import { requireTrust } from "../service/runtime.ts";
import type { Services } from "../services.ts";
import { pickSome } from "../window/window.ts";

const { t } = vscode.l10n;

export function evaluationCommands({ store }: Pick<Services, "store">) {
  /** Of what is meant, or of a run that somebody picks, those that they tick. */
  async function choose(target: Target | undefined): Promise<EvaluationTarget[]> {
    const run = target?.run ?? (await chooseRun());
    if (run === undefined) return [];
    const kept = evaluationsIn(run, target?.run === undefined ? undefined : target.step);
    if (kept.length < 2) return kept;
    const items = kept.map((evaluation) => ({ ...texts(evaluation), evaluation }));
    const picked = await pickSome(items, { title: t("Delete which evaluations?"), matchOnDescription: true });
    return (picked ?? []).map(({ evaluation }) => evaluation);
  }

  async function chooseRun(): Promise<string | undefined> {
    const [run] = await chooseRuns(store, [], {
      accept: ({ directory }) => evaluationsIn(directory).length > 0,
      title: t("Delete the evaluations of which run?"),
      none: t("No evaluation is kept: “Evaluate Checkpoint…” makes and keeps them."),
    });
    return run?.directory;
  }

  return {
    async [coreCommands.deleteEvaluation](clicked, selected) {
      requireTrust();
      const given = targetsOf(clicked, selected);
      const named = given.flatMap(({ evaluation }) => evaluation ?? []);
      const chosen = named.length > 0 ? named : await choose(given[0] ?? activeTarget());
      const folders = [...new Set(chosen.map(({ folder }) => folder))];
      const files = folders.flatMap((folder) =>
        filesOfEvaluations(
          folder,
          chosen.filter((one) => one.folder === folder).map(({ name }) => name),
        ),
      );
      if (files.length === 0) return;
      const question = chosen.length === 1 ? questionOf(chosen[0]!) : t("Delete {0} evaluations?", chosen.length);
      const detail = t("Their answers, row by row, go with them. Checkpoints and prompts stay.");
      const uris = files.map((path) => vscode.Uri.file(path));
      await askAndRemove(uris, question, detail);
      for (const folder of folders) store.evaluated(folder);
    },
  } satisfies Record<string, Handler>;
}

function questionOf({ folder, name }: EvaluationTarget): string {
  const evaluation = findEvaluation(folder, name);
  if (!evaluation) return t("Delete this evaluation?"); // what cannot be read has a name all the same
  const { label, description } = texts(evaluation);
  return t("Delete the evaluation {0} ({1})?", label, description);
}

/** `step 60 on test`, and what came of it. */
function texts(evaluation: KeptEvaluation): { label: string; description: string } {
  const { label, description } = evaluationTexts(evaluation, t);
  const { subject } = evaluation;
  const of =
    subject.kind === "checkpoint" ? t("step {0}", subject.step) : subject.kind === "prompt" ? subject.name : "";
  return { label: t("of {0} on {1}", of, label), description };
}

/** Those of a run's checkpoints, or of one of them. */
function evaluationsIn(directory: string, step?: number): KeptEvaluation[] {
  if (step !== undefined) return evaluationsOf({ kind: "checkpoint", directory, step });
  return listEvaluations(runPaths(directory).evaluations).filter(({ subject }) => subject.kind === "checkpoint");
}
