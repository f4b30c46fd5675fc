// Finding: something that is wrong or remarkable on a node, with what to do about it.
import { sentence } from '../../domain/problem.ts';

/** Closed list. What it means for pulls decides the severity, see each one's maker. */
export const FINDING_CODES = [
  'NoRuntime',
  'TwoRuntimes',
  'RuntimeUnsupported',
  'RuntimeVersionUnknown',
  'ManagedNode',
  'ContainerdConfigBroken',
  'ContainerdConfigPathEmpty',
  'ContainerdConfigPathList',
  'ContainerdConfigPathElsewhere',
  'ContainerdOldMirrors',
  'ContainerdFolderHidesOurs',
  'ContainerdDefaultHidden',
  'ContainerdHostsTomlBroken',
  'ContainerdCertsNotRead',
  'CrioRootRegistriesConf',
  'CrioVersionOneFile',
  'CrioRegistriesBroken',
  'CrioEntryOverridden',
  'CrioEntryReplaced',
  'CrioDigestOnlyMirrors',
  'CrioConfigBroken',
  'CrioSeparatePull',
  'CrioAutoReload',
  'CrioAuthFileNotRead',
  'CrioCertsHidden',
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

/**
 * `error`: what we write has no effect, or the node is about to break. `warning`: something works otherwise than its owner
 * would expect. `info`: good to know.
 */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** One sentence: what is so, and what it means for pulls. At most 512 characters. */
  readonly message: string;
  /** What to do, in words that can be typed. At most 512 characters. */
  readonly fix: string;
}

const MAX_TEXT = 512;

/** On one line and cut: names and paths come from the node, where others write. */
function tidy(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 1)}…`;
}

/** As one text for people: what it is, and what to do, which may end in a command. */
export function printFinding({ message, fix }: Pick<Finding, 'message' | 'fix'>): string {
  return `${message}. ${sentence(fix)}`;
}

/** Makes a finding; its texts are cut to what a status may hold. */
export function finding(code: FindingCode, severity: Severity, message: string, fix: string): Finding {
  return { code, severity, message: tidy(message), fix: tidy(fix) };
}
