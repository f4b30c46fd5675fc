// Reviews: the AdmissionReviews of a load, and what must be true of every answer to one.

/** A review of a pod with these images. */
export function reviewOf(uid: string, images: readonly string[]): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      resource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      namespace: 'shop',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { generateName: 'web-', namespace: 'shop', labels: { app: 'web' } },
        spec: {
          containers: images.map((image, index) => ({ name: `c${index}`, image })),
          imagePullSecrets: [{ name: 'regcred' }],
        },
      },
    },
  });
}

/** Why this is not the answer to the review; undefined when it is. */
export function faultOf(
  reply: { readonly status: number; readonly body: string },
  uid: string,
): string | undefined {
  if (reply.status !== 200) return `status ${reply.status}: ${reply.body.slice(0, 200)}`;
  const { response } = JSON.parse(reply.body) as {
    response: { uid: string; allowed: boolean; patch?: string };
  };
  if (response.uid !== uid) return `uid ${response.uid} instead of ${uid}`;
  if (!response.allowed) return 'denied';
  if (response.patch === undefined) return 'no patch, so no decision was written down';
  const operations: unknown = JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8'));
  return Array.isArray(operations) ? undefined : 'the patch is no list';
}
