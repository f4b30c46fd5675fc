// Sentences for people: with a full stop, but for a command that they copy.
import { describe, expect, it } from 'vitest';
import { joinSentences, printProblem, sentence } from '../../src/domain/problem.ts';

describe('joinSentences', () => {
  it('keeps a command apart from what follows', () => {
    expect(joinSentences(['So it is.', 'Make one: npm run certs', 'And so on.'])).toBe(
      'So it is. Make one: npm run certs ; And so on.',
    );
    expect(joinSentences(['Make one: npm run certs'])).toBe('Make one: npm run certs');
  });
});

describe('sentence', () => {
  it.each([
    ['Use a DNS name of its own', 'Use a DNS name of its own.'],
    ['It has one.', 'It has one.'],
    ['Is it so?', 'Is it so?'],
    ['Look there (kubectl get pods)', 'Look there (kubectl get pods).'],
    ['kubectl reads it so. Put it in quotes', 'kubectl reads it so. Put it in quotes.'],
  ])('%s', (text, whole) => {
    expect(sentence(text)).toBe(whole);
  });

  it.each([
    'Start it: systemctl start containerd',
    'See: kubectl get nodes --show-labels',
    'Until then: kubectl patch registrymirrorset a --type=merge -p \'{"spec":{}}\'',
    'Lay them down: registry-failover nodes apply -m DIR --hosts NODE',
    'Make one: npm run certs',
    'Or name that folder: --containerd-folder /srv/containerd',
    'kubectl -n a create secret docker-registry NAME --docker-server=b ...',
  ])('leaves %s as it is', (text) => {
    expect(sentence(text)).toBe(text);
    expect(printProblem({ path: '-m', code: 'C', message: 'It is so', fix: text })).toBe(
      `-m: It is so [C]. ${text}`,
    );
  });
});
