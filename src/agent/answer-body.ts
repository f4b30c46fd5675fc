// Answer body: the text of an HTTP answer, up to a bound.
import type { IncomingMessage } from 'node:http';
import { err, ok, type Result } from '../domain/result.ts';
import { unreachable, type ApiFailure } from './api-failure.ts';

/** Collects a body up to a bound and tells what it came to; only the first `finish` counts. */
export function readBody(
  response: IncomingMessage,
  maxBytes: number,
  finish: (text: Result<string, ApiFailure>) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else finish(err(unreachable(`the API server’s answer is longer than ${maxBytes} bytes`)));
  });
  response.on('end', () => {
    finish(ok(Buffer.concat(chunks).toString('utf8')));
  });
  response.on('close', () => {
    // After 'end' this tells nothing new.
    finish(err(unreachable('the connection broke before the answer was complete')));
  });
}
