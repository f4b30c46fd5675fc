// The TCP side of a demo registry, where the whole registry cannot show it.
import { afterEach, describe, expect, it } from 'vitest';
import { RegistryListener } from '../../src/demo/registry-listener.ts';

describe('RegistryListener', () => {
  const listener = new RegistryListener((socket) => socket.destroy());
  afterEach(() => listener.stop());

  it('falls back to 127.0.0.1 where the system lacks the address', async () => {
    // An address for documentation (RFC 5737), which no machine has. Nothing is sent to it.
    const where = await listener.start({ address: '192.0.2.1', port: 0 });
    expect(where.address).toBe('127.0.0.1');
    expect(where.port).toBeGreaterThan(0);
  });

  it('does not listen when it was stopped before it had begun', async () => {
    const where = await listener.start({ address: '127.0.0.1', port: 0 });
    listener.stop();
    const starting = listener.start(where);
    listener.stop();
    await starting;
    expect(listener.listening).toBe(false);
    // Only a port that is free can be listened on.
    expect(await listener.start(where)).toEqual(where);
  });

  it('is not listening after a start that failed', async () => {
    const where = await listener.start({ address: '127.0.0.1', port: 0 });
    const other = new RegistryListener((socket) => socket.destroy());
    await expect(other.start(where)).rejects.toThrow('EADDRINUSE');
    expect(other.listening).toBe(false);
  });
});
