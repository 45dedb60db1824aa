/** @file The runs of a sweep that wait for their turn, in the order in which they begin. */
import type { JSX } from "preact";
import { usePanel } from "../../context.ts";
import { IconButton } from "../../ui/controls.tsx";
import { showMenu } from "../../ui/menu.tsx";
import "./waiting.css";

/** More than anybody reads; the tree has all. */
const mostShown = 50;

export function Waiting(): JSX.Element | null {
  const { store, texts, command } = usePanel();
  const { sweep = null, canTrain = false } = store.experiment ?? {};
  if (!sweep || sweep.waiting.length === 0) return null;
  const act = (name: "trainNext" | "dropFromSweep", planned: string) => ({
    label: texts.t(name),
    run: () => command({ command: name, planned }),
  });
  return (
    <section class="waiting">
      <h2>{texts.t("waitingRuns")}</h2>
      <ol>
        {sweep.waiting.slice(0, mostShown).map((name) => (
          <li key={name}>
            <span class="waiting-name">{name}</span>
            {canTrain && (
              <IconButton
                label={texts.t("waitingActions", name)}
                icon="more"
                hasMenu
                onClick={({ currentTarget }) =>
                  showMenu(currentTarget, name, [act("trainNext", name), act("dropFromSweep", name)])
                }
              />
            )}
          </li>
        ))}
      </ol>
      {sweep.waiting.length > mostShown && (
        <p class="note">{texts.t("limitedRows", mostShown, texts.count(sweep.waiting.length))}</p>
      )}
    </section>
  );
}
