// Json: reading untrusted JSON values without trusting their shape.

export type JsonObject = Readonly<Record<string, unknown>>;

/** A JSON object (not null, not an array), or undefined. */
export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

/** An array, or the empty one. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** A string, or undefined. */
export function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * An own property of an object from JSON; `__proto__` and inherited names give undefined. For names that come from outside: a
 * name that stands in our own code, and not on Object.prototype, is read like any property.
 */
export function own(object: JsonObject | undefined, key: string): unknown {
  return object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
}
