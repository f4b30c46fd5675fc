// Steps of the walk-through in which registries answer, but not with what they should: deleted and outdated images.
import { expectImage } from './expectations.ts';
import type { StepScript } from './step-script.ts';

export const deleted: StepScript = {
  title: 'Images are deleted upstream',
  act: 'A clean-up at fra deletes pay/ledger:2.0 and shop/web:1.3. ams has both.',
  lesson:
    'A 404 may mean "not for you". So only a mirror that takes the same account steps in (fra/archive). ams is opened by an ' +
    "operator's account, which must not give out what fra refuses.",
  play: async (scene) => {
    const { stage } = scene;
    stage.delete('fra', 'pay/ledger', '2.0');
    stage.delete('fra', 'shop/web', '1.3');
    const ledger = await scene.admit('fra/pay/ledger:2.0');
    const web = await scene.admit('fra/shop/web:1.3');
    const status = scene.questionsAbout('fra', 'pay/ledger').at(-1)?.status;
    const asked = scene.questionsAbout('ams', 'shop/web').length;
    return {
      pods: [ledger, web],
      expected: [
        {
          says: 'fra says that it has them no more',
          seen: String(status ?? 'not asked'),
          ok: status === 404,
        },
        expectImage(stage, ledger, {
          says: 'ledger is taken from the archive',
          image: 'fra/archive/ledger:2.0',
          reason: 'upstream-missing',
        }),
        expectImage(stage, web, {
          says: 'web is kept',
          image: 'fra/shop/web:1.3',
          reason: 'no-mirror-available',
        }),
        { says: 'ams is not even asked', seen: `${asked} requests`, ok: asked === 0 },
      ],
    };
  },
};

export const stale: StepScript = {
  title: 'The mirror holds an older build',
  act: 'fra refuses connections; the tags web:1.4 and ledger:2.0 at ams point at the build before.',
  lesson:
    'The digest last seen upstream is remembered. digestPolicy Prefer (the default, set shop) takes the older build and ' +
    'says so; Require (set pay) keeps the image.',
  play: async (scene) => {
    const { stage } = scene;
    stage.move('ams', 'shop/web', '1.4', 'older');
    stage.move('ams', 'pay/ledger', '2.0', 'older');
    stage.break('fra', 'down');
    const wait = await scene.until('fra', 'down');
    const web = await scene.admit('fra/shop/web:1.4');
    const ledger = await scene.admit('fra/pay/ledger:2.0');
    const digest = web.audit?.digest ?? 'not compared';
    const isWarned = web.warnings.some((warning) => warning.includes('(another'));
    return {
      pods: [web, ledger],
      waits: [wait],
      expected: [
        expectImage(stage, web, {
          says: 'web is taken from ams (Prefer)',
          image: 'ams/shop/web:1.4',
          reason: 'upstream-unreachable',
        }),
        {
          says: 'with a warning: it is another build',
          seen: `digest ${digest}`,
          ok: digest === 'differs' && isWarned,
        },
        expectImage(stage, ledger, {
          says: 'ledger is kept (Require)',
          image: 'fra/pay/ledger:2.0',
          reason: 'digest-differs',
        }),
      ],
    };
  },
};
