/** `pods` as a store serves them that tests share with the kubelet: whatever a test writes is valid. */
export const PODS = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  hasStatus: true,
  graceSeconds: () => 30,
};

/** `secrets`, in the same way. */
export const SECRETS = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
