// Leadership: everything that the one leading controller does, wired for as long as it leads.
import { issueCa, issueServing } from '../certificates/issue.ts';
import { Certificates } from '../controller/certificates.ts';
import { CredentialChecker } from '../controller/credential-check.ts';
import { DerivedCheckSubjects } from '../controller/credential-check-subjects.ts';
import { DerivedSecrets } from '../controller/derived-secrets.ts';
import { EventWriter } from '../controller/event-sink.ts';
import { PodBook } from '../controller/pod-book.ts';
import { PodCensus } from '../controller/pod-census.ts';
import { PodEvents } from '../controller/pod-events.ts';
import { OptInTimes } from '../controller/pod-opt-ins.ts';
import { RecreationWatch } from '../controller/recreation-watch.ts';
import { SYSTEM_CLOCK } from '../controller/status-clock.ts';
import { StatusWriter } from '../controller/status-writer.ts';
import { WebhookBundle } from '../controller/webhook-bundle.ts';
import { CERTIFICATE_LIVES } from '../domain/certificate-plan.ts';
import type { Installation } from '../domain/rights.ts';
import { aborted } from '../kubernetes/wait.ts';
import { DeclaredSets } from './declared-sets.ts';
import type { Engine } from './engine.ts';
import { leadNodes } from './leader-nodes.ts';
import type { LeaderNodes } from './leader-nodes.ts';
import { certificateReports, credentialLog, openLeaderEngine, reportFault } from './leader-parts.ts';
import type { LeaderParts } from './leader-parts.ts';

const elapsed = (): number => performance.now();
const wall = (): number => Date.now();
const clock = SYSTEM_CLOCK;

/** Needs nothing but the API server, and everything else needs it: the webhook is not called without. */
function keepCertificates(parts: LeaderParts, install: Installation, signal: AbortSignal): Promise<unknown> {
  const { api, informers } = parts.cluster;
  const common = { api, informers, reports: certificateReports(parts), random: Math.random };
  const bundle = new WebhookBundle({ ...common, name: install.fullname, now: elapsed });
  const certificates = new Certificates({
    ...common,
    issuer: { issueCa, issueServing },
    bundle,
    install,
    lives: CERTIFICATE_LIVES,
    meter: parts.metrics,
    clock: { now: wall, elapsed },
  });
  return Promise.all([bundle.start(signal), certificates.start(signal)]);
}

/** What is known of the cluster's declarations, namespaces, pods and registries while it leads. */
interface Knowledge {
  readonly install: Installation;
  readonly declared: DeclaredSets;
  readonly engine: Engine;
  readonly book: PodBook;
  readonly census: PodCensus;
  readonly nodes: LeaderNodes;
}

/** The part that keeps credentials, proves them, and says how it all stands. Resolves with the signal. */
async function keepSets(
  parts: LeaderParts,
  known: Knowledge,
  signal: AbortSignal,
  onWriter: (status: StatusWriter) => void,
): Promise<void> {
  const { settings, cluster, metrics, log } = parts;
  const { api, informers } = cluster;
  const { install, declared, engine, book, census, nodes } = known;
  const events = new EventWriter({
    api,
    clock,
    meter: metrics,
    instance: settings.identity,
    onFailure: ({ message }) => log.warn({ problem: message }, 'an event could not be written'),
  });
  const derived = new DerivedSecrets({
    api,
    informers,
    install,
    declarations: declared,
    pods: book,
    events,
    meter: metrics,
    log: credentialLog(parts),
  });
  const checker = new CredentialChecker({
    asker: engine.client,
    subjects: new DerivedCheckSubjects({ derived, pods: book, declarations: declared }),
    fingerprint: (credential) => engine.fingerprint.of(credential),
    events,
    meter: metrics,
    clock: { now: elapsed, wall },
    random: Math.random,
    onFault: reportFault(parts),
  });
  const status = new StatusWriter({
    api,
    informers,
    sources: {
      declared: () => ({ sets: declared.sets(), problems: declared.problems() }),
      healthOf: (endpoint) => engine.health.get(endpoint),
      credentials: () => derived.facts(),
      refused: () => checker.refused(),
      census: () => {
        census.update(declared.sets());
        return census.take((namespace) => derived.boundSince(namespace));
      },
      nodesOf: (set) => nodes.nodesOf(set),
      isSettled: () => book.isSynced && derived.isSettled && nodes.isSettled,
    },
    clock,
    installNamespace: install.namespace,
    meter: metrics,
    onFailure: (set, { message }) =>
      log.warn({ set, problem: message }, 'status could not be written; it is tried again'),
  });
  const wake = (): void => status.wake();
  for (const source of [derived, checker, book]) source.onChange(wake);
  const told = {
    book,
    indexFor: (namespace: string) => census.indexFor(namespace),
    sink: events,
    meter: metrics,
    clock,
  };
  census.update(declared.sets());
  events.start(signal);
  status.start(signal);
  new PodEvents(told).start(signal);
  new RecreationWatch(told).start(signal);
  onWriter(status);
  await Promise.all([derived.start(signal), checker.start(signal), nodes.start(signal)]);
}

/** Does the leader's work until the signal aborts. Resolves when nothing of it is under way any more. */
export async function lead(signal: AbortSignal, parts: LeaderParts): Promise<void> {
  const { settings, cluster, metrics } = parts;
  const install: Installation = { namespace: settings.installNamespace, fullname: settings.fullname };
  const certificates = settings.certificates ? keepCertificates(parts, install, signal) : undefined;
  let status: StatusWriter | undefined;
  const optIns = new OptInTimes({ installNamespace: install.namespace, wall });
  let nodes: LeaderNodes | undefined;
  const engine = openLeaderEngine(parts, () => {
    nodes?.wake();
    status?.wake();
  });
  const declared = new DeclaredSets(cluster.declarations, (state) => {
    optIns.update(state.namespaceLabels);
    engine.declare(state.objects);
    const endpoints = state.objects.sets.flatMap((set) => [
      set.upstream,
      ...set.mirrors.map((one) => one.endpoint),
    ]);
    metrics.retainEndpoints(endpoints.map((endpoint) => endpoint.host));
    status?.wake();
  });
  nodes = leadNodes(parts, { install, declared, engine }, () => status?.wake());
  let book: PodBook | undefined;
  try {
    await Promise.race([declared.synced, aborted(signal)]);
    if (signal.aborted) return;
    // Not before the opt-ins are known: a pod that is not kept is not looked at again before it changes.
    book = new PodBook({
      informers: cluster.informers,
      isOptedIn: (namespace) => optIns.has(namespace),
    });
    const census = new PodCensus(book, optIns, wall);
    await Promise.race([book.synced, aborted(signal)]);
    const known = { install, declared, engine, book, census, nodes };
    if (!signal.aborted) await keepSets(parts, known, signal, (writer) => (status = writer));
  } finally {
    book?.close();
    declared.close();
    await Promise.all([engine.close(), certificates]);
  }
}
