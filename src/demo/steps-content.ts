// Steps of the walk-through in which registries answer, but not with what they should: deleted and outdated images.
import { expectImage } from './expectations.ts';
import { verdictOf } from './step-report.ts';
import type { StepScript } from './step-script.ts';

const WEB = 'fra/shop/web:stable';
const LEDGER = 'fra/pay/ledger:stable';

export const deleted: StepScript = {
  title: 'Images are deleted upstream',
  act: 'A clean-up at fra deletes pay/ledger:2.0 and shop/web:1.3. fra/archive still has the ledger, and ams has both.',
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
      ],
    };
  },
};

export const stale: StepScript = {
  title: 'The mirror lags behind',
  act:
    'web:stable and ledger:stable were pushed to fra, and ams still holds the builds before. A pod of each starts; then fra ' +
    'refuses connections.',
  lesson:
    'The digest last seen upstream is remembered. digestPolicy Prefer (the default, set shop) takes the older build and ' +
    'says so; Require (set pay) keeps the image.',
  play: async (scene) => {
    const { stage } = scene;
    const seen = [await scene.admit(WEB), await scene.admit(LEDGER)];
    stage.break('fra', 'down');
    const wait = await scene.until('fra', 'down');
    const web = await scene.admit(WEB);
    const ledger = await scene.admit(LEDGER);
    const digest = web.audit?.digest ?? 'not compared';
    const isWarned = web.warnings.some((warning) => warning.includes('another build'));
    return {
      before: seen,
      pods: [web, ledger],
      waits: [wait],
      expected: [
        {
          says: 'before, both stay on fra',
          seen: seen.map(verdictOf).join(', '),
          ok: seen.every((report) => report.audit?.reason === 'upstream-available'),
        },
        expectImage(stage, web, {
          says: 'web is taken from ams (Prefer)',
          image: 'ams/shop/web:stable',
          reason: 'upstream-unreachable',
        }),
        {
          says: 'with a warning: it is another build',
          seen: `digest ${digest}`,
          ok: digest === 'differs' && isWarned,
        },
        expectImage(stage, ledger, {
          says: 'ledger is kept (Require)',
          image: LEDGER,
          reason: 'digest-differs',
        }),
      ],
    };
  },
};
