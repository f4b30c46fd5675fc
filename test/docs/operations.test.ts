// The operations document: every word that the status of a mirror set, its columns and our events can say is explained.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { crds } from '../../deploy/crd.ts';
import { CERTIFICATE_LIVES } from '../../src/domain/certificate-plan.ts';
import { ROOT, plain, readTable, readText } from './documents.ts';

const document = readText('docs/operations.md');
const CONDITION = /Valid|CredentialsReady|NodesReady|UpstreamAvailable|AdmissionActive/gu;

/** `condition reason`, by the comments that group the closed list of reasons in the code. */
function wordsOfCode(): string[] {
  const source = readText('src/domain/set-status-condition.ts');
  const list = /export type ConditionReason =([\s\S]*?);/u.exec(source)?.[1] ?? '';
  let conditions: readonly string[] = [];
  return list.split('\n').flatMap((line) => {
    const comment = /\/\/ (.*)/u.exec(line)?.[1];
    const named = comment?.match(CONDITION) ?? [];
    if (comment !== undefined) conditions = named.length === 0 ? ['all but Valid'] : named;
    const reason = /'(\w+)'/u.exec(line)?.[1];
    return reason === undefined ? [] : conditions.map((condition) => `${condition} ${reason}`);
  });
}

/** Of every object that becomes an Event. */
function eventReasons(): string[] {
  const folder = 'src/controller';
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);
  const found = [...files, 'src/domain/pod-event.ts'].flatMap((path) =>
    [...readText(path).matchAll(/\breason: ([^,;\n]*)/gu)].flatMap(([, value = '']) =>
      [...value.matchAll(/'([A-Z]\w+)'/gu)].map(([, name = '']) => name),
    ),
  );
  // What decides between two reasons, not a reason.
  return [...new Set(found)].filter((name) => name !== 'SecretNameTaken');
}

describe('docs/operations.md', () => {
  it('explains every reason of every condition, and no other', () => {
    const told = readTable(document, ['condition', 'reason', 'status']).map(
      (row) => `${plain(row['condition'] ?? '')} ${plain(row['reason'] ?? '')}`,
    );
    const words = wordsOfCode();
    expect(words.length).toBeGreaterThan(18);
    expect(told.filter((word) => word !== 'Valid the code of a problem').toSorted()).toEqual(
      words.toSorted(),
    );
  });

  it('explains every column of kubectl get, in its order', () => {
    const version = (
      crds().RegistryMirrorSet['spec'] as { versions: { additionalPrinterColumns: { name: string }[] }[] }
    ).versions[0];
    const told = readTable(document, ['column', 'shows']).map((row) => row['column']);
    expect(told).toEqual(version?.additionalPrinterColumns.map(({ name }) => name));
  });

  it('explains every event', () => {
    const told = readTable(document, ['reason', 'on']).map((row) => plain(row['reason'] ?? ''));
    expect(told.toSorted()).toEqual(eventReasons().toSorted());
    expect(told.length).toBeGreaterThan(5);
  });

  it('says how long certificates live', () => {
    const days = (ms: number): number => ms / 86_400_000;
    const { servingMs, caMs } = CERTIFICATE_LIVES;
    expect(document).toContain(`${days(servingMs)} days, anew after ${days((servingMs * 2) / 3)};`);
    expect(days(caMs)).toBe(365);
  });
});
