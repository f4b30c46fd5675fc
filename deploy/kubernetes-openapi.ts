// Cuts Kubernetes' published schemas down to the kinds that the chart renders, for the tests: node deploy/kubernetes-openapi.ts
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

type Json = Record<string, unknown>;

/** Go modules that carry the schemas of their projects. All three are under Apache-2.0. */
const modules = {
  kubernetes: 'k8s.io/kubernetes@v1.35.4',
  certManager: 'github.com/cert-manager/cert-manager@v1.18.2',
  prometheusOperator: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
} as const;

/** OpenAPI v3 document of one group version → the kinds taken from it, by their schema's name. */
const builtin: Readonly<Record<string, readonly string[]>> = {
  api__v1: [
    'io.k8s.api.core.v1.ConfigMap',
    'io.k8s.api.core.v1.Namespace',
    'io.k8s.api.core.v1.Pod',
    'io.k8s.api.core.v1.ResourceQuota',
    'io.k8s.api.core.v1.Secret',
    'io.k8s.api.core.v1.Service',
    'io.k8s.api.core.v1.ServiceAccount',
  ],
  'apis__admissionregistration.k8s.io__v1': [
    'io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration',
    'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
    'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
  ],
  'apis__apiextensions.k8s.io__v1': [
    'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  ],
  apis__apps__v1: ['io.k8s.api.apps.v1.DaemonSet', 'io.k8s.api.apps.v1.Deployment'],
  apis__batch__v1: ['io.k8s.api.batch.v1.Job'],
  'apis__coordination.k8s.io__v1': ['io.k8s.api.coordination.v1.Lease'],
  'apis__networking.k8s.io__v1': ['io.k8s.api.networking.v1.NetworkPolicy'],
  apis__policy__v1: ['io.k8s.api.policy.v1.PodDisruptionBudget'],
  'apis__rbac.authorization.k8s.io__v1': [
    'io.k8s.api.rbac.v1.ClusterRole',
    'io.k8s.api.rbac.v1.ClusterRoleBinding',
    'io.k8s.api.rbac.v1.Role',
    'io.k8s.api.rbac.v1.RoleBinding',
  ],
};

/** Kinds that exist as CustomResourceDefinitions: module → files in it. */
const custom: Readonly<Partial<Record<keyof typeof modules, readonly string[]>>> = {
  certManager: ['deploy/crds/crd-certificates.yaml', 'deploy/crds/crd-issuers.yaml'],
  prometheusOperator: ['example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml'],
};

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const target = path.resolve(import.meta.dirname, '../test/fixtures/kubernetes-openapi.json');
const kinds: Record<string, string> = {};
const schemas: Record<string, Json> = {};

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The folder of a module, downloaded by Go's own client. */
function moduleFolder(name: string): string {
  const env = { ...process.env, GOFLAGS: '-mod=mod' };
  const answer: unknown = JSON.parse(
    execFileSync('go', ['mod', 'download', '-json', name], { env, encoding: 'utf8' }),
  );
  if (!isObject(answer) || typeof answer['Dir'] !== 'string') throw new Error(`no folder for ${name}`);
  return answer['Dir'];
}

/** What a check needs and no more: no descriptions, defaults or extensions; and an object refuses unknown fields. */
function strip(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strip);
  if (!isObject(schema)) return schema;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const kept = Object.entries(schema).filter(
    ([key]) =>
      !['description', 'default', 'example', 'format'].includes(key) && !key.startsWith('x-kubernetes-'),
  );
  const stripped = kept.map(([key, value]) => [
    key,
    key === 'properties' ? stripProperties(value) : strip(value),
  ]);
  const result: Json = Object.fromEntries(stripped);
  if (schema['x-kubernetes-int-or-string'] === true) delete result['type'];
  if ('properties' in result && !open) result['additionalProperties'] ??= false;
  return result;
}

/** The keys here are names of fields, not of schema words: a field called `default` stays. */
function stripProperties(properties: unknown): unknown {
  if (!isObject(properties)) return properties;
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, strip(schema)]));
}

/** Takes a schema and, by way of its references, all that it needs. */
function take(all: Json, name: string): void {
  if (name in schemas) return;
  const schema = strip(all[name]);
  if (!isObject(schema)) throw new Error(`no schema ${name}`);
  schemas[name] = schema;
  for (const [, reference] of JSON.stringify(schema).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    if (reference !== undefined) take(all, reference);
  }
}

function takeBuiltin(folder: string): void {
  for (const [file, names] of Object.entries(builtin)) {
    const text = readFileSync(path.join(folder, `api/openapi-spec/v3/${file}_openapi.json`), 'utf8');
    const document = JSON.parse(text) as { components: { schemas: Json } };
    for (const name of names) {
      take(document.components.schemas, name);
      const apiVersion = file.replace(/^apis?__/, '').replace('__', '/');
      kinds[`${apiVersion}/${name.split('.').at(-1) ?? ''}`] = name;
    }
  }
}

interface Definition {
  spec: {
    group: string;
    names: { kind: string };
    versions: { name: string; schema: { openAPIV3Schema: Json } }[];
  };
}

function takeCustom(folder: string, files: readonly string[]): void {
  for (const file of files) {
    const { spec } = parse(readFileSync(path.join(folder, file), 'utf8')) as Definition;
    for (const version of spec.versions) {
      const name = `${spec.group}.${version.name}.${spec.names.kind}`;
      const schema = strip(version.schema.openAPIV3Schema) as { properties: Json } & Json;
      schema.properties['metadata'] = { $ref: `#/components/schemas/${objectMeta}` };
      schemas[name] = schema;
      kinds[`${spec.group}/${version.name}/${spec.names.kind}`] = name;
    }
  }
}

takeBuiltin(moduleFolder(modules.kubernetes));
for (const name of Object.keys(custom) as (keyof typeof custom)[]) {
  takeCustom(moduleFolder(modules[name]), custom[name] ?? []);
}

const about = {
  sources: Object.values(modules),
  licence: 'Apache-2.0',
  changes: 'cut to the kinds below; no descriptions, defaults, formats or extensions; unknown fields refused',
  madeBy: 'deploy/kubernetes-openapi.ts',
};
const lines = Object.entries(schemas).map(
  ([name, schema]) => `  ${JSON.stringify(name)}: ${JSON.stringify(schema)}`,
);
const head = `"about": ${JSON.stringify(about, null, 1)},\n"kinds": ${JSON.stringify(kinds, null, 1)},`;
// One line a schema: a new version of Kubernetes then shows as a list of the schemas that changed.
const body = `"components": { "schemas": {\n${lines.join(',\n')}\n} }`;
writeFileSync(target, `{\n${head}\n${body}\n}\n`);
console.log(`${target}: ${Object.keys(kinds).length} kinds, ${lines.length} schemas`);
