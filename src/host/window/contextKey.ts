/** @file Context keys, written only when they change: each write re-evaluates every menu. */
import * as vscode from "vscode";
import type { contextKeys } from "../ids.ts";

type ContextKey = (typeof contextKeys)[keyof typeof contextKeys];

const written = new Map<ContextKey, boolean>();

export function setContextKey(key: ContextKey, value: boolean): void {
  if (written.get(key) === value) return;
  written.set(key, value);
  void vscode.commands.executeCommand("setContext", key, value);
}
