// What tests do to the registries of a running lab: push, delete, break, heal, and read which credential was shown.
import { readFileSync } from 'node:fs';
import { issueServing, validFor } from '../../../src/certificates/issue.ts';
import type { CertificateAndKey } from '../../../src/certificates/issue.ts';
import { Journal } from '../journal.ts';
import { Processes } from '../processes.ts';
import { run } from '../run.ts';
import { addressesOf } from './callers.ts';
import type { Caller } from './callers.ts';
import { Distribution } from './distribution.ts';
import { writeAccounts } from './docker-registry.ts';
import { buildLabImage, readBusybox } from './images.ts';
import type { LabImageRequest } from './images.ts';
import { readRegistriesFile } from './records.ts';
import type { Account, RegistryHost, RegistryRecord, WitnessHost } from './records.ts';
import { orderAccounts, orderFault, orderListening, readRequests } from './witness.ts';
import type { Fault, WitnessedRequest } from './witness.ts';

/** A tag (or, to look and to delete, a digest) of a repository of a registry. */
export interface Place {
  readonly host: RegistryHost;
  readonly repository: string;
  readonly tag: string;
}

const READY_MS = 10_000;

/** The registries of the lab in a folder. Several handles, in several processes, may be used at once. */
export class Registries {
  /** The CA of every registry, PEM. */
  readonly caFile: string;
  readonly #caKeyFile: string;
  readonly #records: readonly RegistryRecord[];
  readonly #processes: Processes;
  readonly #clients = new Map<string, Distribution>();
  #busybox: Buffer | undefined;

  private constructor(folder: string) {
    const { caFile, caKeyFile, registries } = readRegistriesFile(folder);
    this.caFile = caFile;
    this.#caKeyFile = caKeyFile;
    this.#records = registries;
    this.#processes = new Processes({ folder, journal: Journal.open(folder) });
  }

  /** Throws with what to do when no lab is up in this folder. */
  static open(folder: string): Registries {
    return new Registries(folder);
  }

  list(): readonly RegistryRecord[] {
    return this.#records;
  }

  record(host: RegistryHost): RegistryRecord {
    const found = this.#records.find((one) => one.host === host);
    if (found === undefined) throw new Error(`the lab has no registry ${host}`);
    return found;
  }

  /** A certificate for a server of a test's own, which nodes and pods trust as they trust the registries; for a day. */
  async certificateFor(names: readonly string[]): Promise<CertificateAndKey> {
    const ca = {
      certificatePem: readFileSync(this.caFile, 'utf8'),
      keyPem: readFileSync(this.#caKeyFile, 'utf8'),
    };
    return await issueServing(ca, { names, validity: validFor(1, new Date()) });
  }

  /** Whether it serves and lets its account in, asked from the host. Throws with the reason when not. */
  async verify(host: RegistryHost): Promise<void> {
    await this.#client(host).ping();
  }

  /** Makes an image from `content` and pushes it; the same content is the same digest everywhere. Answers the digest. */
  async push(image: Place & LabImageRequest): Promise<string> {
    this.#busybox ??= readBusybox();
    return await this.#client(image.host).push(
      image.repository,
      image.tag,
      buildLabImage(this.#busybox, image),
    );
  }

  /** The digest that the tag stands for there; undefined when there is none. */
  async digestOf({ host, repository, tag }: Place): Promise<string | undefined> {
    return await this.#client(host).digestOf(repository, tag);
  }

  /** Deletes what the tag stands for, and every other tag of it in that repository. Answers its digest. */
  async deleteManifest({ host, repository, tag }: Place): Promise<string> {
    return await this.#client(host).deleteManifest(repository, tag);
  }

  /** Lets the tag `to` stand for what the tag does. */
  async retag({ host, repository, tag }: Place, to: string): Promise<void> {
    await this.#client(host).retag(repository, tag, to);
  }

  /** Swallows every packet of these callers inside the registry's own network namespace: they see silence, no refusal. */
  async drop(host: RegistryHost, from: Caller | readonly Caller[] = 'everyone'): Promise<void> {
    for (const caller of [from].flat()) {
      const matches = caller === 'everyone' ? [[]] : addressesOf(caller).map((one) => ['-s', one]);
      for (const match of matches) await this.#iptables(host, ['-A', 'INPUT', ...match, '-j', 'DROP']);
    }
  }

  /** Ends every drop at this registry. */
  async heal(host: RegistryHost): Promise<void> {
    await this.#iptables(host, ['-F', 'INPUT']);
  }

  /** Ends it: connections are refused. Its images stay. */
  async stop(host: RegistryHost): Promise<void> {
    const record = this.record(host);
    if (record.kind === 'witness') await orderListening(record, false);
    else await this.#processes.kill(record.process);
  }

  /** Starts it again and waits until it serves. Fine when it runs. */
  async start(host: RegistryHost): Promise<void> {
    const record = this.record(host);
    if (record.kind === 'witness') await orderListening(record, true);
    else if (!this.#processes.isRunning(record.process)) this.#processes.startAgain(record.process);
    await this.waitUntilServed(host);
  }

  /** Tells a witness what to answer from now on; `'off'` ends it. */
  async fault(host: WitnessHost, fault: Fault): Promise<void> {
    await orderFault(this.record(host), fault);
  }

  /** Sets exactly the accounts that it accepts, in force at once. `reset` brings its own back. */
  async setAccounts(host: RegistryHost, accounts: readonly Account[]): Promise<void> {
    const record = this.record(host);
    if (record.account === undefined) throw new Error(`${host} asks nobody who they are`);
    await (record.kind === 'witness' ? orderAccounts(record, accounts) : writeAccounts(record, accounts));
  }

  /** What a witness was asked at `since` (milliseconds since 1970) or later, oldest first. */
  requests(host: WitnessHost, since: number): readonly WitnessedRequest[] {
    return readRequests(this.record(host), since);
  }

  /** Undoes every drop, stop, fault and change of accounts, of all registries. Images stay as they are. */
  async reset(): Promise<void> {
    await Promise.all(this.#records.map((record) => this.#reset(record)));
  }

  /** Waits until it lets its account in. */
  async waitUntilServed(host: RegistryHost): Promise<void> {
    const { process } = this.record(host);
    let last = '';
    await this.#processes
      .waitUntil(process, READY_MS, async () => {
        try {
          await this.verify(host);
          return true;
        } catch (error) {
          last = String(error);
          return false;
        }
      })
      .catch((error: unknown) => {
        throw new Error(`${host} does not serve: ${last}`, { cause: error });
      });
  }

  /** Closes this handle's connections; the lab goes on. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    this.#clients.clear();
  }

  async #reset(record: RegistryRecord): Promise<void> {
    await this.heal(record.host);
    if (record.kind === 'witness') await orderFault(record, 'off');
    if (record.account !== undefined) await this.setAccounts(record.host, [record.account]);
    await this.start(record.host);
  }

  async #iptables(host: RegistryHost, rule: readonly string[]): Promise<void> {
    const { netns } = this.record(host);
    await run('ip', ['netns', 'exec', netns, 'iptables', '-w', ...rule]);
  }

  #client(host: RegistryHost): Distribution {
    const known = this.#clients.get(host);
    if (known !== undefined) return known;
    const { address, account } = this.record(host);
    const made = new Distribution({
      host,
      address,
      caPem: readFileSync(this.caFile, 'utf8'),
      ...(account === undefined ? {} : { account }),
    });
    this.#clients.set(host, made);
    return made;
  }
}
