/** @file An experiment without runs: what is launched for it, why that failed, or that nothing has been trained. */
import type { JSX } from "preact";
import { usePanel } from "../context.ts";
import { Button } from "../ui/controls.tsx";
import { EmptyState } from "./emptyState.tsx";

export function NoRuns(): JSX.Element {
  const { store, texts, command } = usePanel();
  const { launch = null, canTrain = false } = store.experiment ?? {};
  if (launch?.state === "starting") {
    // The head of the panel has the button that stops it.
    return <EmptyState title={texts.t("launchStarting", launch.text)} detail={texts.t("startingDetail")} />;
  }
  if (launch) {
    return (
      <EmptyState title={texts.t("launchFailedFirst")} detail={launch.detail}>
        <Button
          label={texts.t("openExperimentFile")}
          primary
          onClick={() => command({ command: "openExperimentFile" })}
        />
        <Button label={texts.t("openLog")} onClick={() => command({ command: "openLaunchLog" })} />
      </EmptyState>
    );
  }
  return (
    <EmptyState title={texts.t("noRuns")} detail={texts.t("noRunsDetail")}>
      {canTrain && <Button label={texts.t("train")} primary onClick={() => command({ command: "train" })} />}
    </EmptyState>
  );
}
