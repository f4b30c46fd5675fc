// A real API server for the tests of this folder, and our connection to it.
import { KubernetesApi } from '../../../src/kubernetes/api.ts';
import { openConnection, type Connection } from '../../../src/kubernetes/connection.ts';
import { NAMESPACES } from '../../../src/kubernetes/resource.ts';
import { establishedTo } from './sockets.ts';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from '../../lab/control-plane.ts';

export interface RealApiServer {
  readonly controlPlane: ControlPlane;
  readonly connection: Connection;
  readonly api: KubernetesApi;
  /** TCP connections of this process to it, now. */
  connections(): number;
  namespace(name: string): Promise<void>;
  stop(): Promise<void>;
}

export async function connect(controlPlane: ControlPlane): Promise<Connection> {
  const opened = await openConnection({ kubeconfig: controlPlane.kubeconfig });
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  return opened.value;
}

export async function startApiServer(options: ControlPlaneOptions = {}): Promise<RealApiServer> {
  const controlPlane = await startControlPlane(options);
  const connection = await connect(controlPlane);
  const api = new KubernetesApi({ connection, fieldManager: 'registry-failover' });
  return {
    controlPlane,
    connection,
    api,
    connections: () => establishedTo(Number(new URL(controlPlane.server).port)),
    namespace: async (name) => {
      const made = await api.create(NAMESPACES, { metadata: { name } });
      if (!made.ok) throw new Error(made.error.message);
    },
    stop: async () => {
      connection.close();
      await controlPlane.stop();
    },
  };
}
