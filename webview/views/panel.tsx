/** @file The run panel: its head, and one of its views. */
import { Component, type ComponentChildren, type JSX } from "preact";
import type { View } from "../../src/shared/panel.ts";
import { usePanel } from "../context.ts";
import { TabPanel, Tabs } from "../ui/controls.tsx";
import { FactsView } from "./facts/factsView.tsx";
import { Header } from "./header/header.tsx";
import { LossView } from "./loss/lossView.tsx";
import { RanksView } from "./ranks/ranksView.tsx";
import "./panel.css";

const views: readonly { value: View; label: "viewLoss" | "viewRanks" | "viewFacts"; Content: () => JSX.Element }[] = [
  { value: "loss", label: "viewLoss", Content: LossView },
  { value: "ranks", label: "viewRanks", Content: RanksView },
  { value: "facts", label: "viewFacts", Content: FactsView },
];

export function Panel(): JSX.Element {
  const { texts, preferences, prefer } = usePanel();
  return (
    <>
      <Header />
      <nav>
        <Tabs<View>
          label={texts.t("views")}
          options={views.map(({ value, label }) => ({ value, label: texts.t(label) }))}
          value={preferences.view}
          onChange={(view) => prefer({ view })}
        />
      </nav>
      <main>
        {views.map(({ value, Content }) => (
          <TabPanel value={value} hidden={value !== preferences.view} key={value}>
            <WhileShown isShown={value === preferences.view}>
              <Content />
            </WhileShown>
          </TabPanel>
        ))}
      </main>
    </>
  );
}

/** What is in it is drawn once it is shown, and as long: hidden, it stays as it was (its zoom, its filter, where it is scrolled to). */
class WhileShown extends Component<{ isShown: boolean; children: ComponentChildren }> {
  private wasShown = false;

  override shouldComponentUpdate({ isShown }: { isShown: boolean }): boolean {
    return isShown;
  }

  override render(): ComponentChildren {
    this.wasShown ||= this.props.isShown;
    return this.wasShown ? this.props.children : null;
  }
}
