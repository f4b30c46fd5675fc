// Cluster: the API server as the sub-commands use it: calls, informers, and the declarations that it holds.
import { ClusterSource } from '../cluster/object-source.ts';
import type { RefusedCredential } from '../cluster/declared-object.ts';
import type { Watched } from '../cluster/watched.ts';
import { parseMirrorSet } from '../config/mirror-set.ts';
import { FIELD_MANAGER } from '../domain/installation-names.ts';
import type { Problem } from '../domain/problem.ts';
import { ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { KubernetesApi } from '../kubernetes/api.ts';
import type { ClusterApi, InformerSource } from '../kubernetes/cluster-api.ts';
import { openConnection } from '../kubernetes/connection.ts';
import type { InformerEvent } from '../kubernetes/informer-event.ts';
import { KubernetesInformers } from '../kubernetes/informers.ts';
import { LiveDeclarations } from './declarations.ts';
import type { LiveState } from './declarations.ts';
import { VERSION } from './version.ts';

/** The flags of every command that asks the API server. */
export interface ClusterFlags {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly installNamespace: string;
  readonly allowedEndpoint: readonly string[];
}

/** What a cluster is spoken to with. */
export interface ClusterClient {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  close(): void;
}

/** What a cluster tells about itself. */
export interface ClusterListeners {
  /** Of its watches. */
  readonly onEvent: (event: InformerEvent) => void;
  /** A fault of ours that has been survived. */
  readonly onFault: (error: unknown) => void;
}

/** A cluster with its declarations. */
export interface Cluster extends ClusterClient {
  readonly declarations: ClusterDeclarations;
}

/** The declarations in the API server. */
export interface ClusterDeclarations {
  /** Resolves once everything has been read for the first time; never, when closed before. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  /** Tells the state once it has been read (now, if it has been), and after every change. Returns what ends it. */
  follow(listener: (state: LiveState) => void): () => void;
  /** Derived secrets that registries refuse; the same array as long as nothing has changed. */
  refused(): readonly RefusedCredential[];
  readonly watches: readonly Watched[];
  close(): void;
}

type DeclarationFlags = Pick<ClusterFlags, 'installNamespace' | 'allowedEndpoint'>;

/** Follows the declarations in the API server. */
function followDeclarations(
  informers: InformerSource,
  flags: DeclarationFlags,
  onFault: (error: unknown) => void,
): ClusterDeclarations {
  const source = new ClusterSource({
    informers,
    installNamespace: flags.installNamespace,
    parseMirrorSet,
    now: () => performance.now(),
    onFault,
  });
  const declarations = LiveDeclarations.over(source, flags);
  let isSynced = false;
  const synced = source.synced.then(() => {
    isSynced = true;
  });
  return {
    synced,
    get isSynced() {
      return isSynced;
    },
    follow: (listener) => {
      // The source says nothing before it has read everything: half of the declarations are other declarations.
      const stop = declarations.onChange(listener);
      if (isSynced) listener(declarations.current());
      return stop;
    },
    refused: () => source.refused(),
    get watches() {
      return source.watches;
    },
    close: () => source.close(),
  };
}

/** A cluster over any client. Closing it closes the client. */
export function clusterOver(
  client: ClusterClient,
  flags: DeclarationFlags,
  onFault: (error: unknown) => void,
): Cluster {
  const declarations = followDeclarations(client.informers, flags, onFault);
  const close = (): void => {
    declarations.close();
    client.close();
  };
  return { api: client.api, informers: client.informers, declarations, close };
}

/**
 * Opens a cluster: what the kubeconfig says, or what a pod has. Nothing is waited for: an API server that is away is tried until
 * it comes. The problems are those of the kubeconfig.
 */
export async function openCluster(
  flags: ClusterFlags,
  listeners: ClusterListeners,
): Promise<Result<Cluster, readonly Problem[]>> {
  const { kubeconfig, context } = flags;
  const opened = await openConnection({ kubeconfig, context, userAgent: `registry-failover/${VERSION}` });
  if (!opened.ok) return opened;
  const connection = opened.value;
  const api = new KubernetesApi({ connection, fieldManager: FIELD_MANAGER });
  const informers = new KubernetesInformers({ api, connection, log: listeners.onEvent });
  const client = { api, informers, close: () => connection.close() };
  return ok(clusterOver(client, flags, listeners.onFault));
}
