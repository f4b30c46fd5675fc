// Oracle: the runtimes' own code, of every supported line, goes with our files where the declaration says, in that order.
import { describe, expect, it } from 'vitest';
import { NODE_CASES } from '../cases.ts';
import answers from './answers.json' with { type: 'json' };
import { harmsOf } from './harms.ts';
import { ORACLES, expectedAnswer, oracleDigest, questionOf } from './questions.ts';

type Answers = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const recorded: Readonly<Record<string, Answers>> = answers.answers;

describe('the recorded answers', () => {
  it('are about these files: else run node test/nodes/oracle/make.ts', () => {
    expect(answers.digest).toBe(oracleDigest());
  });

  it.each(ORACLES.map((program) => ({ ...program, program })))(
    'are what was meant: $runtime $version',
    ({ program }) => {
      const given = recorded[`${program.runtime} ${program.version}`] ?? {};
      const expected = NODE_CASES.map((one) => {
        const { images } = questionOf(one, program);
        const places = images.map((image) => [image, expectedAnswer(one, image, program)] as const);
        return [one.name, Object.fromEntries(places)] as const;
      });
      expect(given).toMatchObject(Object.fromEntries(expected));
    },
  );

  const harms = ORACLES.flatMap((program) => harmsOf(program).map((harm) => ({ ...harm, program })));

  it.each(harms)(
    'show why it is never written: $name, $program.runtime $program.version',
    ({ name, answer, program }) => {
      const given = Object.values(recorded[`${program.runtime} ${program.version}`]?.[name] ?? {});
      expect(given).toHaveLength(1);
      expect(given[0]?.[0]).toContain(answer);
    },
  );
});
