// Cast: which registries the demo has, what they are called, and which images they hold.

/** The registries, by the short names that the demo and its prompt use. */
export const PLACES = ['fra', 'ams', 'hub'] as const;
export type Place = (typeof PLACES)[number];

interface Casting {
  readonly host: string;
  readonly address: string;
  readonly username: string;
  /** What it is to the person who watches. */
  readonly role: string;
}

export const CAST: Readonly<Record<Place, Casting>> = {
  fra: {
    host: 'fra.demo.example',
    address: '127.0.0.2',
    username: 'shop-team',
    role: 'the upstream, which pods name',
  },
  ams: { host: 'ams.demo.example', address: '127.0.0.3', username: 'mirror-pull', role: 'the mirror' },
  hub: {
    host: 'hub.demo.example',
    address: '127.0.0.4',
    username: 'shop-at-hub',
    role: 'public, with a pull limit',
  },
};

/** Which images each registry holds at first: repository and tag, and whether it lags a build behind. */
export const COLLECTION: Readonly<
  Record<Place, readonly (readonly [name: string, tag: string, lags?: 'lags'])[]>
> = {
  fra: [
    ['shop/web', '1.4'],
    ['shop/web', '1.3'],
    ['shop/web', 'stable'],
    ['shop/api', '3.1'],
    ['pay/ledger', '2.0'],
    ['pay/ledger', 'stable'],
    ['archive/ledger', '2.0'],
  ],
  ams: [
    ['shop/web', '1.4'],
    ['shop/web', '1.3'],
    ['shop/web', 'stable', 'lags'],
    ['shop/api', '3.1'],
    ['pay/ledger', '2.0'],
    ['pay/ledger', 'stable', 'lags'],
    ['hub/library/nginx', '1.29'],
  ],
  hub: [['library/nginx', '1.29']],
};
