/** @file Colours of VS Code's own themes, as it gives them to webviews: as far as the panel uses them. */

import shipped from "./shippedThemes.json" with { type: "json" };

/** Of every theme that ships with VS Code, the colours that charts use (scripts/shippedThemes.ts writes them). */
export const shippedThemes: readonly { id: string; kind: string; colors: Readonly<Record<string, string>> }[] =
  shipped as never;

/** `charts.blue` → `--vscode-charts-blue` */
export function variableOf(color: string): string {
  return `--vscode-${color.replaceAll(".", "-")}`;
}

export type ThemeName = "dark" | "light" | "high-contrast" | "high-contrast-light";

const type = {
  "--vscode-font-family": '"Segoe UI", "Ubuntu", "Droid Sans", system-ui, sans-serif',
  "--vscode-font-size": "13px",
  "--vscode-font-weight": "normal",
  "--vscode-editor-font-family": '"Droid Sans Mono", "monospace", monospace',
  "--vscode-editor-font-size": "14px",
};

const dark = {
  ...type,
  "--vscode-foreground": "#cccccc",
  "--vscode-descriptionForeground": "#9d9d9d",
  "--vscode-disabledForeground": "rgba(204, 204, 204, 0.5)",
  "--vscode-focusBorder": "#0078d4",
  "--vscode-editor-background": "#1f1f1f",
  "--vscode-editor-foreground": "#cccccc",
  "--vscode-editor-selectionBackground": "#264f78",
  "--vscode-editorHoverWidget-background": "#202020",
  "--vscode-editorHoverWidget-foreground": "#cccccc",
  "--vscode-editorHoverWidget-border": "#454545",
  "--vscode-panel-border": "#2b2b2b",
  "--vscode-widget-border": "#313131",
  "--vscode-widget-shadow": "rgba(0, 0, 0, 0.36)",
  "--vscode-panelTitle-activeBorder": "#0078d4",
  "--vscode-panelTitle-activeForeground": "#cccccc",
  "--vscode-panelTitle-inactiveForeground": "#9d9d9d",
  "--vscode-button-background": "#0078d4",
  "--vscode-button-foreground": "#ffffff",
  "--vscode-button-border": "rgba(255, 255, 255, 0.07)",
  "--vscode-button-hoverBackground": "#026ec1",
  "--vscode-button-secondaryBackground": "#313131",
  "--vscode-button-secondaryForeground": "#cccccc",
  "--vscode-button-secondaryHoverBackground": "#3c3c3c",
  "--vscode-badge-background": "#616161",
  "--vscode-badge-foreground": "#f8f8f8",
  "--vscode-checkbox-background": "#313131",
  "--vscode-checkbox-border": "#3c3c3c",
  "--vscode-checkbox-foreground": "#cccccc",
  "--vscode-dropdown-background": "#313131",
  "--vscode-dropdown-border": "#3c3c3c",
  "--vscode-dropdown-foreground": "#cccccc",
  "--vscode-input-background": "#313131",
  "--vscode-input-foreground": "#cccccc",
  "--vscode-input-placeholderForeground": "#989898",
  "--vscode-settings-textInputBackground": "#313131",
  "--vscode-inputOption-activeBackground": "rgba(36, 137, 219, 0.51)",
  "--vscode-inputOption-activeForeground": "#ffffff",
  "--vscode-inputValidation-warningBackground": "#352a05",
  "--vscode-inputValidation-warningBorder": "#b89500",
  "--vscode-list-hoverBackground": "#2a2d2e",
  "--vscode-list-activeSelectionBackground": "#04395e",
  "--vscode-menu-background": "#1f1f1f",
  "--vscode-menu-border": "#454545",
  "--vscode-menu-foreground": "#cccccc",
  "--vscode-menu-selectionBackground": "#0078d4",
  "--vscode-menu-selectionForeground": "#ffffff",
  "--vscode-menu-separatorBackground": "#454545",
  "--vscode-progressBar-background": "#0078d4",
  "--vscode-scrollbarSlider-activeBackground": "rgba(191, 191, 191, 0.4)",
  "--vscode-textLink-foreground": "#4daafc",
  "--vscode-textLink-activeForeground": "#4daafc",
  "--vscode-toolbar-hoverBackground": "rgba(90, 93, 94, 0.31)",
  "--vscode-charts-foreground": "#cccccc",
  "--vscode-charts-lines": "rgba(204, 204, 204, 0.5)",
  "--vscode-charts-red": "#f14c4c",
  "--vscode-charts-blue": "#59a4f9",
  "--vscode-charts-yellow": "#cca700",
  "--vscode-charts-orange": "#d18616",
  "--vscode-charts-green": "#89d185",
  "--vscode-charts-purple": "#b180d7",
};

const light = {
  ...dark,
  "--vscode-foreground": "#3b3b3b",
  "--vscode-descriptionForeground": "#3b3b3b",
  "--vscode-disabledForeground": "rgba(97, 97, 97, 0.5)",
  "--vscode-focusBorder": "#005fb8",
  "--vscode-editor-background": "#ffffff",
  "--vscode-editor-foreground": "#3b3b3b",
  "--vscode-editor-selectionBackground": "#add6ff",
  "--vscode-editorHoverWidget-background": "#f8f8f8",
  "--vscode-editorHoverWidget-foreground": "#3b3b3b",
  "--vscode-editorHoverWidget-border": "#c8c8c8",
  "--vscode-panel-border": "#e5e5e5",
  "--vscode-widget-border": "#e5e5e5",
  "--vscode-widget-shadow": "rgba(0, 0, 0, 0.16)",
  "--vscode-panelTitle-activeBorder": "#005fb8",
  "--vscode-panelTitle-activeForeground": "#3b3b3b",
  "--vscode-panelTitle-inactiveForeground": "#3b3b3b",
  "--vscode-button-background": "#005fb8",
  "--vscode-button-hoverBackground": "#0258a8",
  "--vscode-button-border": "rgba(0, 0, 0, 0.1)",
  "--vscode-button-secondaryBackground": "#e5e5e5",
  "--vscode-button-secondaryForeground": "#3b3b3b",
  "--vscode-button-secondaryHoverBackground": "#cccccc",
  "--vscode-badge-background": "#cccccc",
  "--vscode-badge-foreground": "#3b3b3b",
  "--vscode-checkbox-background": "#f8f8f8",
  "--vscode-checkbox-border": "#cecece",
  "--vscode-checkbox-foreground": "#3b3b3b",
  "--vscode-dropdown-background": "#ffffff",
  "--vscode-dropdown-border": "#cecece",
  "--vscode-dropdown-foreground": "#3b3b3b",
  "--vscode-input-background": "#ffffff",
  "--vscode-input-foreground": "#3b3b3b",
  "--vscode-input-placeholderForeground": "#767676",
  "--vscode-inputOption-activeBackground": "#bed6ed",
  "--vscode-inputOption-activeForeground": "#000000",
  "--vscode-inputValidation-warningBackground": "#f6f5d2",
  "--vscode-list-hoverBackground": "#f2f2f2",
  "--vscode-list-activeSelectionBackground": "#e8e8e8",
  "--vscode-menu-background": "#ffffff",
  "--vscode-menu-border": "#cecece",
  "--vscode-menu-foreground": "#3b3b3b",
  "--vscode-menu-selectionBackground": "#005fb8",
  "--vscode-menu-separatorBackground": "#d4d4d4",
  "--vscode-progressBar-background": "#005fb8",
  "--vscode-scrollbarSlider-activeBackground": "rgba(0, 0, 0, 0.6)",
  "--vscode-textLink-foreground": "#005fb8",
  "--vscode-textLink-activeForeground": "#005fb8",
  "--vscode-toolbar-hoverBackground": "rgba(184, 184, 184, 0.31)",
  "--vscode-charts-red": "#e51400",
  "--vscode-charts-blue": "#0063d3",
  "--vscode-charts-yellow": "#bf8803",
  "--vscode-charts-orange": "#d18616",
  "--vscode-charts-green": "#388a34",
  "--vscode-charts-purple": "#652d90",
};

const highContrast = {
  ...dark,
  "--vscode-contrastBorder": "#6fc3df",
  "--vscode-contrastActiveBorder": "#f38518",
  "--vscode-foreground": "#ffffff",
  "--vscode-descriptionForeground": "rgba(255, 255, 255, 0.7)",
  "--vscode-focusBorder": "#f38518",
  "--vscode-editor-background": "#000000",
  "--vscode-editor-foreground": "#ffffff",
  "--vscode-editorHoverWidget-background": "#0c141f",
  "--vscode-editorHoverWidget-foreground": "#ffffff",
  "--vscode-editorHoverWidget-border": "#6fc3df",
  "--vscode-panel-border": "#6fc3df",
  "--vscode-panelTitle-activeBorder": "#6fc3df",
  "--vscode-panelTitle-activeForeground": "#ffffff",
  "--vscode-panelTitle-inactiveForeground": "#ffffff",
  "--vscode-button-background": "",
  "--vscode-button-border": "#6fc3df",
  "--vscode-button-secondaryBackground": "",
  "--vscode-button-secondaryForeground": "#ffffff",
  "--vscode-checkbox-background": "#000000",
  "--vscode-checkbox-border": "#6fc3df",
  "--vscode-checkbox-foreground": "#ffffff",
  "--vscode-dropdown-background": "#000000",
  "--vscode-dropdown-border": "#6fc3df",
  "--vscode-dropdown-foreground": "#ffffff",
  "--vscode-input-background": "#000000",
  "--vscode-input-border": "#6fc3df",
  "--vscode-input-foreground": "#ffffff",
  "--vscode-inputOption-activeBackground": "rgba(0, 0, 0, 0)",
  "--vscode-inputOption-activeForeground": "#ffffff",
  "--vscode-inputValidation-warningBackground": "#352a05",
  "--vscode-list-hoverBackground": "rgba(255, 255, 255, 0.1)",
  "--vscode-menu-background": "#000000",
  "--vscode-menu-border": "#6fc3df",
  "--vscode-menu-foreground": "#ffffff",
  "--vscode-menu-selectionBackground": "",
  "--vscode-menu-selectionBorder": "#f38518",
  "--vscode-menu-separatorBackground": "#6fc3df",
  "--vscode-progressBar-background": "#6fc3df",
  "--vscode-textLink-foreground": "#21a6ff",
  "--vscode-textLink-activeForeground": "#21a6ff",
  "--vscode-toolbar-hoverBackground": "",
  "--vscode-badge-background": "#000000",
  "--vscode-badge-foreground": "#ffffff",
};

const highContrastLight = {
  ...light,
  "--vscode-contrastBorder": "#0f4a85",
  "--vscode-contrastActiveBorder": "#006bbd",
  "--vscode-foreground": "#292929",
  "--vscode-descriptionForeground": "rgba(41, 41, 41, 0.7)",
  "--vscode-focusBorder": "#006bbd",
  "--vscode-editor-foreground": "#292929",
  "--vscode-editorHoverWidget-border": "#0f4a85",
  "--vscode-panel-border": "#0f4a85",
  "--vscode-panelTitle-activeBorder": "#b5200d",
  "--vscode-button-background": "#0f4a85",
  "--vscode-button-secondaryBackground": "#ffffff",
  "--vscode-checkbox-border": "#0f4a85",
  "--vscode-dropdown-border": "#0f4a85",
  "--vscode-inputOption-activeBackground": "rgba(0, 0, 0, 0)",
  "--vscode-inputOption-activeForeground": "#292929",
  "--vscode-menu-border": "#0f4a85",
  "--vscode-menu-selectionBackground": "#0f4a85",
  "--vscode-toolbar-hoverBackground": "",
};

export interface Theme {
  /** Classes of the body. */
  body: string;
  variables: Readonly<Record<string, string>>;
}

export const themes: Readonly<Record<ThemeName, Theme>> = {
  dark: { body: "vscode-dark", variables: dark },
  light: { body: "vscode-light", variables: light },
  "high-contrast": { body: "vscode-high-contrast", variables: highContrast },
  "high-contrast-light": { body: "vscode-high-contrast vscode-high-contrast-light", variables: highContrastLight },
};

const likeKind: Readonly<Record<string, ThemeName>> = {
  dark: "dark",
  light: "light",
  highContrast: "high-contrast",
  highContrastLight: "high-contrast-light",
};

/** A theme that ships with VS Code, with what the page uses besides from the one of its kind. */
export function shippedTheme({ kind, colors }: (typeof shippedThemes)[number]): Theme {
  const { body, variables } = themes[likeKind[kind]!];
  const own = Object.entries(colors).map(([name, value]) => [variableOf(name), value] as const);
  return { body, variables: { ...variables, ...Object.fromEntries(own) } };
}
