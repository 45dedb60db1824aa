/** @file The Hugging Face Hub as this window may use it: its address, offline mode, and the token in the secret storage. */
import * as vscode from "vscode";
import { settings } from "../ids.ts";
import { hubEndpoint, hubEnvironment, tokenKey } from "./hubAccount.ts";

export class HubAccess implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  /** Runtime processes that were started before this have another environment than those to come. */
  readonly onDidChange = this.changed.event;
  private readonly secrets: vscode.SecretStorage;
  private readonly listeners: vscode.Disposable[];

  constructor(secrets: vscode.SecretStorage) {
    this.secrets = secrets;
    this.listeners = [
      secrets.onDidChange(({ key }) => {
        if (key === tokenKey(this.endpoint)) this.changed.fire();
      }),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if ([settings.hubOffline, settings.hubEndpoint].some((name) => change.affectsConfiguration(name))) {
          this.changed.fire();
        }
      }),
    ];
  }

  get endpoint(): string {
    return hubAddress();
  }

  /** What a runtime process that may ask the Hub is given, beside the environment of this process. Never log it. */
  async environment(): Promise<Record<string, string>> {
    const token = await this.token();
    const offline = vscode.workspace.getConfiguration().get(settings.hubOffline, false);
    return hubEnvironment({ token, endpoint: endpointSetting(), offline }, process.env);
  }

  async isSignedIn(): Promise<boolean> {
    return (await this.token()) !== undefined;
  }

  /** Where the system's storage cannot be read, nobody is signed in: public models need nobody. */
  private async token(): Promise<string | undefined> {
    try {
      return await this.secrets.get(tokenKey(this.endpoint));
    } catch {
      return undefined;
    }
  }

  async signIn(token: string): Promise<void> {
    await this.secrets.store(tokenKey(this.endpoint), token);
  }

  async signOut(): Promise<void> {
    await this.secrets.delete(tokenKey(this.endpoint));
  }

  dispose(): void {
    for (const listener of this.listeners) listener.dispose();
    this.changed.dispose();
  }
}

/** The address of the Hub that is asked now. */
export function hubAddress(): string {
  return hubEndpoint(endpointSetting(), process.env);
}

function endpointSetting(): string {
  return vscode.workspace.getConfiguration().get(settings.hubEndpoint, "");
}

/** Whether programs that a model writes may be run. */
export function mayRunPrograms(): boolean {
  return vscode.workspace.getConfiguration().get(settings.runGeneratedCode, false);
}
