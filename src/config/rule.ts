// Rule: one constraint that a schema's shape cannot say, once for files (a function) and once for the API server (CEL).
import type { z } from 'zod';

/** One place where a rule is broken, with words of its own where they say more than the rule's. */
interface Violation {
  /** Below the value that the rule is about; absent: the value itself. */
  readonly path?: readonly (string | number)[];
  readonly message?: string;
  readonly fix?: string;
}

/** `Value` is what the rule reads. It may be broken elsewhere, so a rule on objects reads them as untrusted. */
export interface Rule<Value> {
  /** Stable, CamelCase. */
  readonly code: string;
  /** What is wrong, without a full stop. */
  readonly message: string;
  /** What to do, without a full stop. */
  readonly fix: string;
  /** True when the rule holds; `self` is the value (k8s.io/docs: validation rules). Only functions of Kubernetes 1.30. */
  readonly cel: string;
  /** CEL that chooses the message. It must not join strings of a list: the estimate of its cost multiplies their bounds. */
  readonly celMessage?: string;
  /** Field below `self` that the API server's error points to, e.g. `.secretRef`. */
  readonly celField?: string;
  /** All violations; empty: the rule holds. */
  readonly find: (value: Value) => readonly Violation[];
}

/** How a broken rule travels inside a zod issue. */
interface RuleParams {
  readonly code: string;
  readonly fix: string;
}

/** The entry for `x-kubernetes-validations`. */
function printCelRule(rule: Rule<never>): Record<string, string> {
  return {
    rule: rule.cel,
    message: `${rule.message}. ${rule.fix}`,
    ...(rule.celMessage === undefined ? {} : { messageExpression: rule.celMessage }),
    ...(rule.celField === undefined ? {} : { fieldPath: rule.celField }),
  };
}

/**
 * Adds rules to a schema: checked when it parses, and carried into its JSON schema. They run although other parts of the
 * value are broken, so that all problems are reported at once; `accepts` keeps values of a wrong type away from them.
 */
export function withRules<Schema extends z.ZodType, Value>(
  schema: Schema,
  accepts: (value: unknown) => value is Value,
  rules: readonly Rule<Value>[],
): Schema {
  const ruled = schema.superRefine(
    (value: unknown, context) => {
      if (!accepts(value)) return;
      for (const rule of rules) {
        for (const violation of rule.find(value)) {
          const params: RuleParams = { code: rule.code, fix: violation.fix ?? rule.fix };
          context.addIssue({
            code: 'custom',
            path: [...(violation.path ?? [])],
            message: violation.message ?? rule.message,
            params: { ...params },
          });
        }
      }
    },
    { when: () => true },
  );
  return ruled.meta({ 'x-kubernetes-validations': rules.map(printCelRule) });
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
