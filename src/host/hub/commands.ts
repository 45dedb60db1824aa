/** @file Signing in to the Hugging Face Hub: a token that VS Code keeps in its secret storage and the runtime gets as HF_TOKEN. */
import * as vscode from "vscode";
import { coreCommands } from "../ids.ts";
import type { Handler } from "../register.ts";
import type { Services } from "../services.ts";
import { createBox, showInformation } from "../window/window.ts";
import { hostOf, tokenProblem, tokensPage } from "./hubAccount.ts";

const { t } = vscode.l10n;

export function accountCommands({ hub }: Services) {
  return {
    async [coreCommands.signIn]() {
      const { endpoint } = hub;
      const token = await askToken(endpoint);
      if (token === undefined) return;
      await hub.signIn(token);
      void showInformation(
        t(
          "The token for {0} is kept in VS Code's secret storage. Downloads and trainings use it from now on.",
          hostOf(endpoint),
        ),
      );
    },

    async [coreCommands.signOut]() {
      const host = hostOf(hub.endpoint);
      const wasSignedIn = await hub.isSignedIn();
      if (wasSignedIn) await hub.signOut();
      const rest = process.env.HF_TOKEN ? t("The token of the environment variable HF_TOKEN is used instead.") : "";
      const text = wasSignedIn ? t("The token for {0} was deleted.", host) : t("Nobody is signed in to {0}.", host);
      const said = [text, rest].filter(Boolean).join(" ");
      void showInformation(said);
    },
  } satisfies Record<string, Handler>;
}

/** Asks for a token; what is typed is not shown. */
async function askToken(endpoint: string): Promise<string | undefined> {
  const input = createBox();
  const openPage = { iconPath: new vscode.ThemeIcon("link-external"), tooltip: t("Open the page that makes tokens") };
  input.title = t("Sign In to Hugging Face");
  input.prompt = t("A token of your account at {0} that may read. The button above opens the page.", hostOf(endpoint));
  input.placeholder = "hf_…";
  input.password = true;
  input.ignoreFocusOut = true;
  input.buttons = [openPage];
  try {
    return await new Promise<string | undefined>((resolve) => {
      input.onDidChangeValue(() => {
        input.validationMessage = undefined;
      });
      input.onDidTriggerButton(() => void vscode.env.openExternal(vscode.Uri.parse(tokensPage(endpoint), true)));
      input.onDidHide(() => resolve(undefined));
      input.onDidAccept(() => {
        input.validationMessage = tokenProblem(input.value, t);
        if (input.validationMessage === undefined) resolve(input.value.trim());
      });
      input.show();
    });
  } finally {
    input.dispose();
  }
}
