// Wanted faults: what can be wrong between the parts of a node's data, in the words of the CRD's rules and of whoever checks it anew.

/** By what is at fault. Messages and fixes without a full stop. */
export const WANTED_FAULTS = {
  upstream: {
    code: 'OneUpstream',
    message: 'not exactly one source is the upstream, with the prefix as its endpoint',
    fix: 'Give the source whose endpoint is the prefix the role Upstream, and every other one Mirror',
  },
  source: { code: 'SourceTwice', message: 'two sources are the same endpoint', fix: 'Remove one of them' },
  order: {
    code: 'OrderIncomplete',
    message: 'order does not name every source exactly once',
    fix: 'List the endpoint of each source once',
  },
  prefix: { code: 'PrefixTwice', message: 'two hosts have the same prefix', fix: 'Merge them into one' },
  restore: {
    code: 'RestoreWithHosts',
    message: 'action is Restore, so that nothing may be wanted, and there are hosts',
    fix: 'Remove the hosts, or write action: Apply',
  },
} as const;
