// Checks a manifest against Kubernetes' own OpenAPI, cut down by deploy/kubernetes-openapi.ts; unknown fields are errors.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { parseAllDocuments } from 'yaml';

/** A rendered object, as far as the tests look into it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  // oxlint-disable-next-line typescript/no-explicit-any -- tests reach deep into manifests of many kinds
  readonly [key: string]: any;
}

const fixture = path.resolve(import.meta.dirname, '../fixtures/kubernetes-openapi.json');
const { kinds, components } = JSON.parse(readFileSync(fixture, 'utf8')) as {
  kinds: Readonly<Record<string, string>>;
  components: unknown;
};
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'kubernetes', components });

/** What is wrong with an object, one line each; empty when nothing is. A kind that the fixture lacks is wrong. */
export function checkManifest(manifest: Manifest): readonly string[] {
  const key = `${manifest.apiVersion}/${manifest.kind}`;
  const name = kinds[key];
  if (name === undefined) return [`${key}: not among the kinds of the fixture`];
  const validate = ajv.getSchema(`kubernetes#/components/schemas/${name}`);
  if (validate === undefined) throw new Error(`the fixture has no schema ${name}`);
  if (validate(manifest) === true) return [];
  return (validate.errors ?? []).map((error) => {
    const extra = JSON.stringify(error.params);
    return `${key} ${manifest.metadata.name} ${error.instancePath}: ${error.message ?? ''} ${extra}`;
  });
}

/** Manifests of a stream. YAML 1.1, as Kubernetes reads it: there `no` is false and `0440` octal. */
export function readManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { version: '1.1', uniqueKeys: true })
    .map((document) => {
      if (document.errors.length > 0) throw new Error(document.errors.join('\n'));
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
}

/** The one object of a kind; fails when there is none or another. */
export function only(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`${found.length} objects of kind ${kind}`);
  return found[0];
}
