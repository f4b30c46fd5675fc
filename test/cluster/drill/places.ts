// Where the registries of the drill tests are, in their own network namespace.

export const PLACES = { upstream: '127.0.0.11', mirror: '127.0.0.12' } as const;
export const PORT = 5443;
export const ACCOUNT = { username: 'alice', password: 'wonderland' } as const;
