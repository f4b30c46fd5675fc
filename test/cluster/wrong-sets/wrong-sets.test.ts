// Wrong mirror sets at a real API server: each is refused when it is applied, with a text that says what to do.
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crds } from '../../../deploy/crd.ts';
import { findTool } from '../../../deploy/tools.ts';
import { RIGHT, WRONG } from '../../config/mirror-set-examples.ts';
import { answers } from '../../lab/api-client.ts';
import { startControlPlane } from '../../lab/control-plane.ts';
import type { ControlPlane } from '../../lab/control-plane.ts';
import { waitFor } from '../../lab/wait.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  kubectl(['apply', '-f', '-'], JSON.stringify(crds().RegistryMirrorSet));
  const path = '/apis/registry-failover.io/v1alpha1/registrymirrorsets';
  await waitFor('the CRD to be served', 20_000, () => answers(plane.access, path));
});
afterAll(() => plane.stop());

function kubectl(args: readonly string[], input: string): string {
  return execFileSync(findTool('kubectl').path, ['--kubeconfig', plane.kubeconfig, ...args], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 30_000,
  });
}

/** What kubectl says when it is refused; undefined when it was taken. */
function refusal(object: unknown): string | undefined {
  try {
    kubectl(['apply', '--dry-run=server', '-f', '-'], JSON.stringify(object));
    return undefined;
  } catch (error) {
    return (error as { readonly stderr: string }).stderr;
  }
}

describe('kubectl apply', () => {
  it.each(Object.entries(RIGHT))('takes %s', (_name, object) => {
    expect(refusal(object)).toBeUndefined();
  });

  it('is shown thirty wrong ones and more', () => {
    expect(Object.keys(WRONG).length).toBeGreaterThanOrEqual(30);
  });

  it.each(Object.entries(WRONG))('refuses %s', (_name, { object }) => {
    const said = refusal(object);
    expect(said).toBeDefined();
    // Which field, or which object: never a bare "invalid".
    expect(said).toMatch(/spec|metadata|name|unknown field|object/);
  });
});
