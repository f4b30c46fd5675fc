// Asks what the kubelet and the API server ask, and ends with 1 when an answer is wrong.
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';

const { WEBHOOK_HOST, WEBHOOK_PORT, WEBHOOK_OPS_PORT, WEBHOOK_NAME, CA_BUNDLE } = process.env;
const { CONTROLLER_HOST, CONTROLLER_OPS_PORT } = process.env;
const uid = crypto.randomUUID();
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'helm-test', namespace: 'helm-test' },
  spec: { containers: [{ name: 'test', image: 'registry-failover.invalid/test:1' }] },
};
const review = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    operation: 'CREATE',
    name: 'helm-test',
    namespace: 'helm-test',
    userInfo: { username: 'helm-test' },
    dryRun: true,
    object: pod,
  },
};

async function askReady(component, host, port) {
  const address = host.includes(':') ? `[${host}]` : host;
  const answer = await fetch(`http://${address}:${port}/readyz`, { signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`the ${component} says: ${(await answer.text()).trim()}`);
  console.log(`the ${component} is ready`);
}

function trust() {
  if (CA_BUNDLE) return Buffer.from(CA_BUNDLE, 'base64');
  return existsSync('/ca/ca.crt') ? readFileSync('/ca/ca.crt') : undefined;
}

function askAdmission() {
  return new Promise((resolve, reject) => {
    const options = {
      host: WEBHOOK_HOST,
      port: WEBHOOK_PORT,
      path: '/mutate',
      method: 'POST',
      servername: WEBHOOK_NAME,
      ca: trust(),
      headers: { host: WEBHOOK_NAME, 'content-type': 'application/json' },
      timeout: 5_000,
    };
    const sent = request(options, (answer) => {
      let text = '';
      answer.on('data', (chunk) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer to an AdmissionReview within 5 s')));
    sent.on('error', reject);
    sent.end(JSON.stringify(review));
  });
}

try {
  await askReady('webhook', WEBHOOK_HOST, WEBHOOK_OPS_PORT);
  await askReady('controller', CONTROLLER_HOST, CONTROLLER_OPS_PORT);
  const { status, text } = await askAdmission();
  if (status !== 200) throw new Error(`an AdmissionReview was answered with ${status}: ${text.slice(0, 200)}`);
  const { response } = JSON.parse(text);
  if (response?.uid !== uid || response.allowed !== true) throw new Error(`not an admission: ${text.slice(0, 200)}`);
  console.log('an AdmissionReview is answered: admitted');
} catch (error) {
  console.error(`failed: ${error.message}${error.cause ? `: ${error.cause.message}` : ''}`);
  process.exitCode = 1;
}
