// Agent: the parts of the process on a node, put together, started and stopped.
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { ApiClient } from './api-client.ts';
import type { AgentSettings } from './arguments.ts';
import type { BackOffBounds } from './back-off.ts';
import { FolderWatch } from './folder-watch.ts';
import { createHandshake } from './handshake.ts';
import { createInstaller } from './installer.ts';
import { LocalShell } from './local-shell.ts';
import { createLog, type Log } from './log.ts';
import { AgentMetrics } from './metrics.ts';
import { readNodeAuth } from './node-auth.ts';
import { NodeKeeper } from './node-keeper.ts';
import { listenOps } from './ops-server.ts';
import { checkOrder } from './order-check.ts';
import { RepairPace } from './repair-pace.ts';
import { RunLoop, type RunVerdict } from './run-loop.ts';
import { StateView } from './state-view.ts';
import { StateWatch, type WatchTiming } from './state-watch.ts';
import { StatusWriter } from './status-writer.ts';

export interface AgentTiming {
  readonly pollMs: number;
  /** From the first change in a folder to the run that looks at it. */
  readonly debounceMs: number;
  readonly retry: BackOffBounds;
  /** After this long without a repair the next one is made at once again. */
  readonly calmMs: number;
  /** Of one handshake, and of all that a change of order needs. */
  readonly handshakeMs: number;
  readonly orderMs: number;
  readonly statusPauseMs: number;
  /** A run that takes longer hangs: the kubelet may start us anew. */
  readonly stuckMs: number;
  /** Of the last status, at the end. */
  readonly goodbyeMs: number;
  readonly watch: Partial<WatchTiming>;
}

const TIMING: AgentTiming = {
  pollMs: 300_000,
  debounceMs: 500,
  retry: { firstMs: 5000, maxMs: 300_000 },
  calmMs: 600_000,
  handshakeMs: 2000,
  orderMs: 10_000,
  statusPauseMs: 3000,
  stuckMs: 300_000,
  goodbyeMs: 3000,
  watch: {},
};

export interface AgentParts {
  readonly settings: AgentSettings;
  readonly version: string;
  /** Takes whole lines of the log. */
  readonly write: (line: string) => void;
  /** Only tests have a reason to set it. */
  readonly timing?: Partial<AgentTiming> | undefined;
}

export class Agent {
  readonly #settings: AgentSettings;
  readonly #timing: AgentTiming;
  readonly #log: Log;
  readonly #metrics: AgentMetrics;
  readonly #writer: StatusWriter;
  readonly #keeper: NodeKeeper;
  readonly #loop: RunLoop;
  readonly #folders: FolderWatch;
  readonly #view: StateView;
  readonly #watch: StateWatch;
  #ops: Server | undefined;
  #hasRun = false;

  constructor({ settings, version, write, timing }: AgentParts) {
    this.#settings = settings;
    this.#timing = { ...TIMING, ...timing };
    this.#log = createLog(settings.logLevel, write);
    this.#metrics = new AgentMetrics(version);
    const { api, serviceAccountFolder } = settings;
    const client = new ApiClient({ ...api, serviceAccountFolder });
    this.#writer = this.#makeWriter(client);
    this.#keeper = this.#makeKeeper(version);
    const { pollMs, retry } = this.#timing;
    this.#loop = new RunLoop({ run: () => this.#run(), pollMs, retry, random: Math.random });
    this.#folders = this.#makeFolders();
    this.#view = new StateView(this.#log, this.#metrics, (state) => {
      if (this.#keeper.assign(state)) this.#loop.requestAnew();
    });
    const { namespace, node } = settings;
    const watchParts = { client, namespace, node, listener: this.#view, random: Math.random };
    this.#watch = new StateWatch({ ...watchParts, timing: this.#timing.watch });
  }

  /** Where /livez, /readyz and /metrics are; undefined before the start. */
  get opsPort(): number | undefined {
    const address = this.#ops?.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Rejects when the ops address cannot be had. */
  async start(): Promise<void> {
    const { node, owner, ops } = this.#settings;
    this.#ops = await listenOps(
      {
        notLive: () => this.#notLive(),
        notReady: () => this.#notReady(),
        metrics: () => this.#metrics.print(),
      },
      ops,
    );
    this.#log.info({ node, owner }, 'the agent works');
    this.#watch.start();
  }

  /** The run under way comes to its end and is told; nothing is done to the node after this. Files stay. */
  async stop(): Promise<void> {
    this.#log.info({}, 'the agent stops: the files of the node stay as they are');
    this.#folders.close();
    await Promise.all([this.#watch.stop(), this.#loop.stop()]);
    this.#folders.close();
    await this.#writer.stop(this.#timing.goodbyeMs);
    this.#ops?.close();
    this.#ops?.closeAllConnections();
  }

  async #run(): Promise<RunVerdict> {
    const verdict = await this.#keeper.run();
    this.#hasRun = true;
    // It may have made folders that are to be watched from now on.
    this.#folders.refresh();
    return verdict;
  }

  #makeWriter(client: ApiClient): StatusWriter {
    const { namespace, node } = this.#settings;
    return new StatusWriter({
      client,
      namespace,
      node,
      pauseMs: this.#timing.statusPauseMs,
      retry: this.#timing.retry,
      random: Math.random,
      now: Date.now,
      onFailure: ({ message }) => {
        this.#metrics.countStatusFailure();
        this.#log.warn({ error: message }, 'the status cannot be written');
      },
    });
  }

  #makeKeeper(agentVersion: string): NodeKeeper {
    const { layout, nodeAuth } = this.#settings;
    const { handshakeMs, orderMs: deadlineMs } = this.#timing;
    const handshake = createHandshake(handshakeMs);
    return new NodeKeeper({
      rules: this.#settings,
      install: createInstaller(new LocalShell(), layout),
      settle: (wanted, present) => checkOrder(wanted, present, { handshake, deadlineMs }),
      readNodeAuth: () => readNodeAuth(nodeAuth),
      writer: this.#writer,
      metrics: this.#metrics,
      log: this.#log,
      agentVersion,
      now: Date.now,
    });
  }

  #makeFolders(): FolderWatch {
    const { layout, nodeAuth } = this.#settings;
    const { retry, calmMs, debounceMs } = this.#timing;
    const pace = new RepairPace({
      bounds: { firstMs: 1000, maxMs: retry.maxMs },
      calmMs,
      random: Math.random,
      now: () => performance.now(),
    });
    return new FolderWatch({
      layout,
      others: nodeAuth === undefined ? [] : [dirname(nodeAuth)],
      debounceMs,
      onChange: () => {
        this.#log.debug({}, 'something has changed in a folder that is watched');
        this.#loop.request(pace.delayMs(this.#keeper.struggles));
      },
    });
  }

  #notLive(): readonly string[] {
    const seconds = Math.round(this.#loop.busyMs() / 1000);
    return seconds * 1000 > this.#timing.stuckMs ? [`a run has taken ${seconds} s`] : [];
  }

  #notReady(): readonly string[] {
    if (this.#view.state === 'unknown') return ['the API server has not answered yet'];
    if (this.#view.state === 'present' && !this.#hasRun) return ['the first run is not over yet'];
    return [];
  }
}
