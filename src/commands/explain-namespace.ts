// Explain namespace: the namespace that a person asks for, checked as the API server would, and said where a file overrules it.
import type { Problem } from '../domain/problem.ts';

/** RFC 1123 label, as the API server wants it of a namespace (apimachinery IsDNS1123Label). */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What is wrong with `-n`; nothing when it was not given. */
export function namespaceProblems(name: string | undefined): readonly Problem[] {
  if (name === undefined || NAMESPACE.test(name)) return [];
  return [
    {
      path: '--namespace',
      code: 'InvalidFlag',
      message: `"${name}" cannot be the name of a namespace`,
      fix: 'Write up to 63 lower-case letters, digits and -, with a letter or digit at both ends',
    },
  ];
}

/** Pods whose manifest names another namespace than was asked for: the manifest counts. */
export function overruledNotes(
  asked: string | undefined,
  pods: readonly { readonly workload: string; readonly namespace: string }[],
): readonly string[] {
  if (asked === undefined) return [];
  return pods
    .filter(({ namespace }) => namespace !== asked)
    .map(
      ({ workload, namespace }) =>
        `-n ${asked} does not count for ${workload}: its manifest names namespace ${namespace}.`,
    );
}
