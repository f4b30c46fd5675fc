// Leader call: how long a call to the API server may take that the leader makes as such.

/** A leader that has to stop waits for what is under way, and the next one for it: less than it has time for. */
export const CALL = { timeoutMs: 4_000 } as const;
