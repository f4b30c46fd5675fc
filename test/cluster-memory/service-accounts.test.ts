import { describe, expect, it } from 'vitest';
import { ServiceAccounts } from '../../src/cluster/service-accounts.ts';
import { SERVICE_ACCOUNTS } from '../../src/kubernetes/resource.ts';
import { MemoryCluster } from '../support/cluster.ts';

const ANNOTATION = 'kubernetes.io/enforce-mountable-secrets';

describe('ServiceAccounts', () => {
  // The values that Go's strconv.ParseBool takes, as the API server reads the annotation.
  it.each([
    ['true', true],
    ['True', true],
    ['t', true],
    ['1', true],
    ['yes', false],
    ['false', false],
    ['', false],
    [undefined, false],
  ])('reads %s as %s', async (value, enforced) => {
    const api = new MemoryCluster();
    const annotations = value === undefined ? {} : { [ANNOTATION]: value };
    api.put(SERVICE_ACCOUNTS, { metadata: { namespace: 'shop', name: 'app', annotations } });
    const accounts = new ServiceAccounts(api, () => 0);
    await accounts.synced;
    expect(accounts.enforcesMountableSecrets('shop', 'app')).toBe(enforced);
    accounts.close();
  });

  it('takes one that it does not know, or has not heard of for long, for one that enforces, and follows changes', async () => {
    const api = new MemoryCluster();
    let now = performance.now();
    const accounts = new ServiceAccounts(api, () => now);
    await accounts.synced;
    expect(accounts.enforcesMountableSecrets('shop', 'app')).toBe(true);
    const metadata = { namespace: 'shop', name: 'app' };
    api.put(SERVICE_ACCOUNTS, { metadata });
    await api.settle();
    expect(accounts.enforcesMountableSecrets('shop', 'app')).toBe(false);
    api.put(SERVICE_ACCOUNTS, { metadata: { ...metadata, annotations: { [ANNOTATION]: 'true' } } });
    await api.settle();
    expect(accounts.enforcesMountableSecrets('shop', 'app')).toBe(true);
    api.put(SERVICE_ACCOUNTS, { metadata });
    await api.settle();
    api.goAway();
    expect(accounts.enforcesMountableSecrets('shop', 'app')).toBe(false);
    now += 10 * 60_000;
    expect(accounts.enforcesMountableSecrets('shop', 'app')).toBe(true);
    expect(accounts.watches).toMatchObject([{ resource: 'serviceaccounts' }]);
    accounts.close();
  });
});
