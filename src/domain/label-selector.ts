// Label selectors with the semantics of Kubernetes' metav1.LabelSelector (apimachinery pkg/apis/meta/v1/helpers.go).

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** All parts must hold. The empty selector matches everything. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelRequirement[];
}

export type Labels = Readonly<Record<string, string>>;

/** The label that the API server puts on every namespace itself, and that nobody can change. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

function requirementHolds(requirement: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    // NotIn holds for an absent key too: labels.Requirement.Matches.
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** Does the selector select an object with these labels? */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  const literal = Object.entries(selector.matchLabels);
  return (
    literal.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value) &&
    selector.matchExpressions.every((requirement) => requirementHolds(requirement, labels))
  );
}

/** NotIn and DoesNotExist hold where a label is absent: of labels that nobody has told us that is a guess. */
function isGuess({ key, operator }: LabelRequirement): boolean {
  return key !== NAMESPACE_NAME_LABEL && (operator === 'NotIn' || operator === 'DoesNotExist');
}

/**
 * Does the selector select a namespace of which only the name is known, whatever its labels are? A selector grants
 * credentials, so that doubt is a no.
 */
export function selectsByName(selector: LabelSelector, name: string): boolean {
  return selects(selector, { [NAMESPACE_NAME_LABEL]: name }) && !selector.matchExpressions.some(isGuess);
}
