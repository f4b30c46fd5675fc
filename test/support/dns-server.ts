// DNS server: answers A and AAAA over UDP on loopback, and can be silent for a zone.
import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';

const TYPE_A = 1;
const TYPE_AAAA = 28;
const NO_ERROR = 0;
const NXDOMAIN = 3;
const SERVFAIL = 2;

export class DnsServer {
  /** Lower-case name → addresses. */
  readonly names = new Map<string, readonly string[]>();
  /** Names at or below these get no answer. */
  readonly silentZones = new Set<string>();
  /** Every name is answered SERVFAIL. */
  broken = false;
  /** Every question since the start: `A fra.registry.test`. */
  readonly questions: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message, from) => {
      const answer = this.#answer(message);
      if (answer) socket.send(answer, from.port, from.address);
    });
  }

  static async start(address = '127.0.0.1'): Promise<DnsServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.bind(0, address, resolve);
    });
    return new DnsServer(socket);
  }

  /** `address:port`. */
  get server(): string {
    const { address, port } = this.#socket.address();
    return `${address}:${port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.close(resolve);
    });
  }

  #answer(query: Buffer): Buffer | undefined {
    const { name, type, end } = parseQuestion(query);
    this.questions.push(`${type === TYPE_A ? 'A' : 'AAAA'} ${name}`);
    if ([...this.silentZones].some((zone) => name === zone || name.endsWith(`.${zone}`))) return undefined;
    const known = this.names.get(name);
    const code = this.broken ? SERVFAIL : known ? NO_ERROR : NXDOMAIN;
    const right = (address: string): boolean => code === NO_ERROR && isIPv4(address) === (type === TYPE_A);
    const addresses = (known ?? []).filter(right);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    return Buffer.concat([
      header,
      query.subarray(12, end),
      ...addresses.map((address) => recordOf(address, type)),
    ]);
  }
}

function parseQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function recordOf(address: string, type: number): Buffer {
  const data = type === TYPE_AAAA ? ipv6Bytes(address) : Buffer.from(address.split('.').map(Number));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name of the question
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(1, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
