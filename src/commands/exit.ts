// Exit codes, the same for every command.

export const EXIT = {
  /** Yes, or done. */
  yes: 0,
  /** No, or different. */
  no: 1,
  badInput: 2,
  /** Could not tell: a registry could not be asked. */
  unknown: 3,
  /** Partly. */
  partly: 4,
} as const;
