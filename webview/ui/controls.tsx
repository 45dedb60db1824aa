/**
 * @file The controls of the pages, and the only place that knows the toolkit (@vscode/webview-ui-toolkit 1.4, retired
 * upstream). Replacing it means rewriting this file: everything else gets components from here.
 * Native elements stand in where the toolkit has nothing (slider, segments) or misbehaves (its dropdown opens behind its
 * parents and forgets a value that is set early).
 */
import {
  type Checkbox as CheckboxElement,
  provideVSCodeDesignSystem,
  type TextField,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDivider,
  vsCodeLink,
  vsCodeTextField,
} from "@vscode/webview-ui-toolkit";
import type { ComponentChildren, FunctionComponent, HTMLAttributes, JSX, Ref } from "preact";
import { useId, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons.tsx";
import { roving } from "./roving.ts";
import "./controls.css";

provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDivider(),
  vsCodeLink(),
  vsCodeTextField(),
);

type ToolkitAttributes = Omit<HTMLAttributes<HTMLElement>, "icon"> & {
  [name in "appearance" | "disabled" | "checked" | "placeholder" | "value" | "href"]?: string | boolean;
};

/** An element of the toolkit as a component; its properties are set as those of any element. */
function toolkit(tag: string): FunctionComponent<ToolkitAttributes> {
  return tag as unknown as FunctionComponent<ToolkitAttributes>;
}

const ToolkitButton = toolkit("vscode-button");
const ToolkitCheckbox = toolkit("vscode-checkbox");
const ToolkitDivider = toolkit("vscode-divider");
const ToolkitLink = toolkit("vscode-link");
const ToolkitTextField = toolkit("vscode-text-field");

/** `currentTarget` of a click: what a menu opens at. */
export type Click = (event: { currentTarget: HTMLElement }) => void;

export interface ButtonProps {
  label: string;
  title?: string | undefined;
  icon?: IconName;
  primary?: boolean;
  disabled?: boolean;
  hidden?: boolean;
  elementRef?: Ref<HTMLElement>;
  onClick: Click;
}

export function Button({
  label,
  title,
  icon,
  primary,
  disabled,
  hidden,
  elementRef,
  onClick,
}: ButtonProps): JSX.Element {
  return (
    <ToolkitButton
      appearance={primary ? "primary" : "secondary"}
      disabled={disabled ?? false}
      hidden={hidden ?? false}
      {...(title === undefined ? {} : { title })}
      {...(elementRef ? { ref: elementRef as never } : {})}
      onClick={onClick}
    >
      {icon && (
        <span slot="start" class="button-icon">
          <Icon name={icon} />
        </span>
      )}
      {label}
    </ToolkitButton>
  );
}

/** A button that is only an icon; its name is said and shown as a hint. */
export function IconButton({
  label,
  icon,
  hasMenu,
  onClick,
}: {
  label: string;
  icon: IconName;
  hasMenu?: boolean;
  onClick: Click;
}): JSX.Element {
  return (
    <ToolkitButton
      appearance="icon"
      title={label}
      aria-label={label}
      {...(hasMenu ? { "aria-haspopup": "menu" } : {})}
      onClick={onClick}
    >
      <Icon name={icon} />
    </ToolkitButton>
  );
}

export function Checkbox({
  label,
  title,
  checked,
  onChange,
}: {
  label: string;
  title?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}): JSX.Element {
  // The toolkit tells of changes that it is told, too.
  const wanted = useRef(checked);
  wanted.current = checked;
  return (
    <ToolkitCheckbox
      checked={checked}
      {...(title === undefined ? {} : { title })}
      onChange={({ currentTarget }) => {
        const now = (currentTarget as unknown as CheckboxElement).checked;
        if (now !== wanted.current) onChange(now);
      }}
    >
      {label}
    </ToolkitCheckbox>
  );
}

export function SearchField({
  label,
  value,
  onInput,
}: {
  label: string;
  value: string;
  onInput: (text: string) => void;
}): JSX.Element {
  return (
    <ToolkitTextField
      placeholder={label}
      aria-label={label}
      value={value}
      onInput={({ currentTarget }) => onInput((currentTarget as unknown as TextField).value)}
    />
  );
}

export function Link({ label, onClick }: { label: string; onClick: () => void }): JSX.Element {
  return (
    <ToolkitLink
      href="#"
      onClick={(event) => {
        event.preventDefault();
        onClick();
      }}
    >
      {label}
    </ToolkitLink>
  );
}

export function Divider(): JSX.Element {
  return <ToolkitDivider />;
}

export interface Option<T extends string> {
  value: T;
  label: string;
}

/** One of a few. */
interface ChoiceProps<T extends string> {
  label: string;
  options: readonly Option<T>[];
  value: T;
  onChange: (value: T) => void;
}

/** One of a few, side by side. Radio buttons underneath: arrow keys and screen readers know them. */
export function Segmented<T extends string>({ label, options, value, onChange }: ChoiceProps<T>): JSX.Element {
  const name = useId();
  return (
    <fieldset class="segmented">
      <legend class="hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function Slider({
  label,
  title,
  max,
  step,
  value,
  onInput,
}: {
  label: string;
  title: string;
  max: number;
  step: number;
  value: number;
  onInput: (value: number) => void;
}): JSX.Element {
  return (
    <label class="slider" title={title}>
      <span>{label}</span>
      <input
        type="range"
        min={0}
        max={max}
        step={step}
        value={value}
        onInput={({ currentTarget }) => onInput(Number(currentTarget.value))}
      />
      <output class="slider-value">{String(value)}</output>
    </label>
  );
}

export function Select({ label, options, value, onChange }: ChoiceProps<string>): JSX.Element {
  return (
    <label class="select">
      <span>{label}</span>
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Tabs after the ARIA pattern: one of them is in the tab order, arrow keys move. Their panels are `TabPanel`s. */
export function Tabs<T extends string>({ label, options, value, onChange }: ChoiceProps<T>): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const next = roving(event, buttons.indexOf(document.activeElement as HTMLButtonElement), buttons.length);
    if (next === undefined) return;
    buttons[next]!.focus();
    onChange(options[next]!.value);
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="tab"
          id={`tab-${option.value}`}
          aria-controls={`view-${option.value}`}
          aria-selected={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

export function TabPanel({
  value,
  hidden,
  children,
}: {
  value: string;
  hidden: boolean;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="view" role="tabpanel" id={`view-${value}`} aria-labelledby={`tab-${value}`} hidden={hidden}>
      {children}
    </div>
  );
}
