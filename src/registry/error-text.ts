// Error text: the words of a registry's error body (OCI distribution specification, "Error Codes"). Pure.

/** A body in the words of the registry. */
export interface RegistryError {
  /** The first error's code, upper-case; '' when the body has none. */
  readonly code: string;
  /** For people, not cleaned; '' when there is nothing to quote. */
  readonly text: string;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function fromJson(body: unknown): RegistryError {
  const errors = fieldOf(body, 'errors');
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  // Token servers and API gateways answer with one flat object instead of the list.
  const source = first ?? body;
  const code = textOf(fieldOf(source, 'code')).toUpperCase();
  const words = ['message', 'details', 'error_description', 'error', 'detail']
    .map((name) => textOf(fieldOf(source, name)))
    .find((text) => text !== '');
  return { code, text: [code, words ?? ''].filter((part) => part !== '').join(': ') };
}

/** Reads an error body, whatever it is. Pages in HTML say nothing to a person in one line and are left out. */
export function parseErrorBody(body: Uint8Array, contentType: string): RegistryError {
  const text = new TextDecoder().decode(body).trim();
  if (text.startsWith('{')) {
    try {
      return fromJson(JSON.parse(text));
    } catch {
      return { code: '', text: '' };
    }
  }
  return { code: '', text: contentType.includes('html') || text.startsWith('<') ? '' : text };
}
