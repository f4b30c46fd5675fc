// Defaults: the webhook's flags as they would be written on the command line. No schema here, so that every command starts fast.

/** What the defaults of `controller` and `cleanup` are. */
export const CONTROLLER_DEFAULTS = {
  opsListen: '0.0.0.0:8080',
  installNamespace: 'registry-failover',
  fullname: 'registry-failover',
  clusterName: '',
  allowedEndpoint: [] as string[],
  certificates: true,
  probeInterval: '10s',
  probeTimeout: '1s',
  nodes: false,
  nodesMaxUnavailable: '10%',
  nodesGate: '30s',
  logLevel: 'info',
  /** Of `cleanup`: less than its Job is given. */
  timeout: '90s',
};

/** What the defaults of `cleanup` are beside those. */
export const CLEANUP_DEFAULTS = {
  nodes: false,
  nodesTimeout: '60s',
  containersFolder: '/etc/containers',
  containerdFolder: '/etc/containerd',
};

/** The defaults, as they would be written on the command line. */
export const WEBHOOK_DEFAULTS = {
  listen: '0.0.0.0:8443',
  opsListen: '0.0.0.0:8080',
  tlsCert: '/etc/registry-failover/tls/tls.crt',
  tlsKey: '/etc/registry-failover/tls/tls.key',
  fromCluster: false,
  installNamespace: 'registry-failover',
  clusterName: '',
  allowedEndpoint: [] as string[],
  // CloudNativePG compares the image of its pods with its own and makes them anew when it differs.
  excludedOwner: ['postgresql.cnpg.io'],
  probeInterval: '10s',
  probeTimeout: '1s',
  hedge: '200ms',
  budget: '1.5s',
  drain: '5s',
  grace: '20s',
  logLevel: 'info',
};
