// Account tries: when each account was tried at each endpoint, whatever the password, so that none is locked by us.
import { accountFreeAt, CHECK_LIMITS } from '../domain/check-schedule.ts';

/** Rates bound it: entries go when their window is over. */
export class AccountTries {
  readonly #tries = new Map<string, readonly number[]>();
  readonly #most: number;

  /** @param most Within the window. */
  constructor(most: number = CHECK_LIMITS.accountTries) {
    this.#most = most;
  }

  /** When this account may be tried next, monotonic milliseconds. */
  freeAt(account: string): number {
    return accountFreeAt(this.#tries.get(account) ?? [], this.#most);
  }

  note(account: string, now: number): void {
    for (const [other, tries] of this.#tries) {
      const recent = tries.filter((at) => now - at < CHECK_LIMITS.accountWindowMs);
      if (recent.length === 0) this.#tries.delete(other);
      else if (recent.length < tries.length) this.#tries.set(other, recent);
    }
    this.#tries.set(account, [...(this.#tries.get(account) ?? []), now]);
  }
}
