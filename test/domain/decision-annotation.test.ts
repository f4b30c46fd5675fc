// The decision annotation: what it says, what of it is believed, and when it is left out.
import { describe, expect, it } from 'vitest';
import { annotationFits, readOriginalImages } from '../../src/domain/decision-annotation.ts';
import { DECISION_ANNOTATION, readPod } from '../../src/domain/pod.ts';
import { makePod } from '../support/make.ts';

function originals(text: string): [string, string][] {
  return [
    ...readOriginalImages(readPod(makePod(['a'], { annotations: { [DECISION_ANNOTATION]: text } }), 'shop')),
  ];
}

describe('readOriginalImages', () => {
  it('reads the originals of version 1', () => {
    const text = JSON.stringify({ v: 1, slots: { 'containers/c0': { image: 'x', later: true } } });
    expect(originals(text)).toEqual([['containers/c0', 'x']]);
  });

  it.each([
    ['no JSON', '{'],
    ['another version', '{"v":2,"slots":{"containers/c0":{"image":"x"}}}'],
    ['no version', '{"slots":{"containers/c0":{"image":"x"}}}'],
    ['no slots', '{"v":1}'],
    ['slots of another shape', '{"v":1,"slots":["x"]}'],
    ['an image that is no text', '{"v":1,"slots":{"containers/c0":{"image":1}}}'],
    ['more text than we ever write', `{"v":1,"pad":"${'x'.repeat(200_000)}","slots":{"c":{"image":"x"}}}`],
  ])('takes %s as absent', (_name, text) => {
    expect(originals(text).filter(([id]) => id === 'containers/c0')).toEqual([]);
  });
});

describe('annotationFits', () => {
  const limit = 256 * 1024;
  const fits = (value: string, text: string): boolean =>
    annotationFits(readPod(makePod(['a'], { annotations: { k: value } }), 'shop'), text);
  const room = limit - 1 - DECISION_ANNOTATION.length;

  it('counts bytes as the API server does, to the last one', () => {
    expect(fits('x'.repeat(room - 10), 'y'.repeat(10))).toBe(true);
    expect(fits('x'.repeat(room - 10), 'y'.repeat(11))).toBe(false);
  });

  it('counts UTF-8, not characters', () => {
    expect(fits('é'.repeat(room / 2 - 5), 'y'.repeat(10))).toBe(true);
    expect(fits('é'.repeat(room / 2), 'y'.repeat(10))).toBe(false);
    expect(fits('漢'.repeat(Math.floor(room / 3)), 'y'.repeat(10))).toBe(false);
    // A pair of surrogates is counted as two characters of three bytes: too much, never too little.
    expect(fits('😀'.repeat(Math.floor(room / 6) - 4), 'y'.repeat(10))).toBe(true);
  });

  it('does not count the annotation that it replaces', () => {
    const pod = readPod(
      makePod(['a'], { annotations: { [DECISION_ANNOTATION]: 'z'.repeat(limit) } }),
      'shop',
    );
    expect(annotationFits(pod, 'y')).toBe(true);
  });
});
