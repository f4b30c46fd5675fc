// Steps of the walk-through in which a registry does not serve: it hangs, a rate limit, everything down, and each return.
import { SET_NAMES } from './manifests.ts';
import {
  expectFromMemory,
  expectImage,
  expectNoticed,
  expectRequests,
  expectSecrets,
  expectWithin,
  AT_ONCE_MS,
  BUDGET_MS,
} from './expectations.ts';
import { PLACES } from './cast.ts';
import type { StepScript } from './step-script.ts';

const WEB = 'fra/shop/web:1.4';
const LEDGER = 'fra/pay/ledger:2.0';
const KEPT = 'upstream-available';

/** The name of the pull secret that a set's own mirror credential becomes (frozen; domain/derived-secret.ts). */
function secretOfSet(set: string): string {
  return `registry-failover-set-${set}`;
}

export const healthy: StepScript = {
  title: 'All is well',
  act: 'Every registry answers. Two Deployments start a pod each.',
  lesson:
    'Nothing moves while nothing is wrong. But the way in at the mirror is on the pod from the start: pull secrets cannot be added later.',
  play: async (scene) => {
    const waits = [
      await scene.until('fra', 'up'),
      await scene.until('ams', 'up'),
      await scene.until('hub', 'up'),
    ];
    const web = await scene.admit(WEB);
    const ledger = await scene.admit(LEDGER);
    const keep = (says: string, image: string) => ({ says, image, reason: KEPT }) as const;
    return {
      pods: [web],
      following: [ledger],
      waits,
      expected: [
        expectImage(scene.stage, web, keep('web stays on fra', WEB)),
        expectImage(scene.stage, ledger, keep('ledger stays on fra', LEDGER)),
        expectSecrets(web, [secretOfSet(SET_NAMES.shop)]),
      ],
    };
  },
};

export const hanging: StepScript = {
  title: 'The upstream hangs',
  act: 'fra still takes TCP connections and then sends nothing, not even a TLS handshake. The next pod has an image that nobody has asked for yet: the worst case.',
  lesson:
    'One pod waits, within its budget. The others do not: nobody waits for a registry that is known to be dead.',
  play: async (scene) => {
    scene.stage.break('fra', 'silent');
    const image = 'fra/shop/api:3.1';
    const first = await scene.admit(image);
    const before = scene.questions('fra').length;
    const following = await scene.admitMore(image, 5);
    const later = scene.questions('fra').length - before;
    const wait = await scene.until('fra', 'down');
    return {
      pods: [first],
      following,
      waits: [wait],
      expected: [
        expectImage(scene.stage, first, {
          says: 'api is taken from ams',
          image: 'ams/shop/api:3.1',
          reason: 'upstream-unreachable',
        }),
        expectWithin(first, BUDGET_MS, `the first pod is answered within the budget of ${BUDGET_MS} ms`),
        expectFromMemory(following, AT_ONCE_MS),
        expectRequests('fra is not asked about them', later, 0),
        expectNoticed(wait, 'the background probes agree that fra is down'),
      ],
    };
  },
};

export const returned: StepScript = {
  title: 'The upstream comes back',
  act: 'fra answers again.',
  lesson:
    'Background probes bring a registry back; no pod is ever the trial. (Here they look every second, by default every ten.)',
  play: async (scene) => {
    await scene.stage.heal('fra');
    const wait = await scene.until('fra', 'up');
    const web = await scene.admit(WEB);
    return {
      pods: [web],
      waits: [wait],
      expected: [
        expectNoticed(wait, 'the probes notice'),
        expectImage(scene.stage, web, { says: 'the next pod is back on fra', image: WEB, reason: KEPT }),
      ],
    };
  },
};

export const throttled: StepScript = {
  title: 'The pull limit is used up',
  act: 'hub answers 429 Too Many Requests, Retry-After 30 s.',
  lesson: 'A registry that asks for rest gets it: per account, until its Retry-After is over.',
  play: async (scene) => {
    scene.stage.break('hub', 'throttled');
    const image = 'hub/library/nginx:1.29';
    const first = await scene.admit(image);
    const following = await scene.admitMore(image, 3);
    const asked = scene.questionsAbout('hub', 'library/nginx');
    const isLimited = asked.every((request) => request.status === 429 || request.status === 401);
    const limited = asked.filter((request) => request.status === 429).length;
    return {
      pods: [first],
      following,
      expected: [
        expectImage(scene.stage, first, {
          says: 'nginx is taken from ams',
          image: 'ams/hub/library/nginx:1.29',
          reason: 'upstream-throttled',
        }),
        expectFromMemory(following, AT_ONCE_MS),
        {
          says: 'hub says 429 and is not asked again',
          seen: limited === 1 ? '429 once' : `429 ${limited} times`,
          ok: isLimited && limited === 1,
        },
      ],
    };
  },
};

export const bothDown: StepScript = {
  title: 'Both are down',
  act: 'fra still refuses connections, and now ams hangs too.',
  lesson:
    'No pod is ever denied, and this one did not wait: both are known to be down. A pod whose image is on the node already starts all the same.',
  play: async (scene) => {
    scene.stage.break('fra', 'down');
    scene.stage.break('ams', 'silent');
    const waits = [await scene.until('fra', 'down'), await scene.until('ams', 'down')];
    const web = await scene.admit(WEB);
    return {
      pods: [web],
      waits,
      expected: [
        expectImage(scene.stage, web, {
          says: 'web is let in as it is',
          image: WEB,
          reason: 'no-mirror-available',
        }),
        expectWithin(web, AT_ONCE_MS, 'without waiting for anybody'),
        {
          says: 'its author is told why',
          seen: web.warnings.length === 0 ? 'no warning' : 'a warning',
          ok: web.warnings.some((warning) => warning.includes('no-mirror-available')),
        },
      ],
    };
  },
};

export const recovered: StepScript = {
  title: 'Both come back',
  act: 'Every registry answers again.',
  lesson: 'Nobody had to change anything back. Pods that run on an image from ams stay as they are.',
  play: async (scene) => {
    for (const place of PLACES) await scene.stage.heal(place);
    const waits = [await scene.until('fra', 'up'), await scene.until('ams', 'up')] as const;
    const web = await scene.admit(WEB);
    return {
      pods: [web],
      waits,
      expected: [
        expectNoticed(waits[0], 'the probes notice fra'),
        expectImage(scene.stage, web, {
          says: 'the next pod is on fra, by itself',
          image: WEB,
          reason: KEPT,
        }),
      ],
    };
  },
};
