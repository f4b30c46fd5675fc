// Empty server: what a POST costs when nothing is done with it: the same stack, default JSON parser, a constant answer.
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';

const ANSWER = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: 'constant', allowed: true },
});

const [port = '', certPath = '', keyPath = ''] = process.argv.slice(2);
const app = Fastify({
  https: { cert: readFileSync(certPath, 'utf8'), key: readFileSync(keyPath, 'utf8') },
  bodyLimit: 8 * 1024 * 1024,
  logger: false,
});
app.post('/mutate', (_request, reply) => reply.header('content-type', 'application/json').send(ANSWER));
await app.listen({ host: '127.0.0.1', port: Number(port) });
console.log('ready');
