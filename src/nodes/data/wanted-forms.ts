// Wanted forms: what each text in a node's data has to be, with what is said when it is not.
import { parseEndpoint, printEndpoint } from '../../domain/endpoint.ts';
import { WANTED_BOUNDS } from '../../domain/node-bounds.ts';
import type { TextForm } from './field-reader.ts';
import { isOwner } from '../marker.ts';
import { isRuntimeVersion } from './runtime-version.ts';

export const REVISION: TextForm = {
  isRight: (text) => /^[0-9a-f]{16}$/.test(text),
  code: 'InvalidRevision',
  message: 'it is not 16 lower-case hex digits',
  fix: 'Leave writing it to the controller',
};

export const OWNER: TextForm = {
  isRight: isOwner,
  code: 'InvalidOwner',
  message: 'it is not 1 to 128 lower-case letters, digits and . / -',
  fix: 'Write namespace/name of the installation',
};

export const RUNTIME_VERSION: TextForm = {
  isRight: isRuntimeVersion,
  code: 'InvalidRuntimeVersion',
  message: 'it is not a version of at most 64 characters',
  fix: 'Write it as the runtime says it, for example 1.34.0',
};

/** One spelling of one place: two would be two sources to us and one to the runtime. */
export const PLACE: TextForm = {
  isRight: (text) => {
    if (text.length > WANTED_BOUNDS.endpoint) return false;
    const endpoint = parseEndpoint(text);
    return endpoint.ok && printEndpoint(endpoint.value) === text;
  },
  code: 'InvalidEndpoint',
  message: `it is not host[:port][/path] in lower case with at most ${WANTED_BOUNDS.endpoint} characters`,
  fix: 'Write host[:port][/path], without a scheme',
};
