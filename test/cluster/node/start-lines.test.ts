import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../config.ts';
import { controlPlaneCertificates, nodeCertificates, opensslArguments } from './certificates.ts';
import { cniConfiguration, containerdConfiguration } from './containerd.ts';
import { apiServerArguments, controllerManagerArguments, etcdArguments, schedulerArguments } from './control-plane.ts';
import { kubeProxyArguments, kubeProxyConfiguration } from './kube-proxy.ts';
import { kubeletArguments, kubeletConfiguration } from './kubelet.ts';
import { clusterLayout, nodeLayout } from './layout.ts';

const config = readConfig({ SLUICE_CACHE: '/cache', SLUICE_STATE: '/state' });
const layout = clusterLayout(config);
const { node } = layout;
const certificates = [...controlPlaneCertificates(layout), ...nodeCertificates(node)];

const everyArgument = [
  ...etcdArguments(layout),
  ...apiServerArguments(layout),
  ...controllerManagerArguments(layout),
  ...schedulerArguments(layout),
  ...kubeletArguments(layout, node),
  ...kubeProxyArguments(node),
];

test('every argument is one flag with its value', () => {
  for (const argument of everyArgument) expect(argument).toMatch(/^--[a-z-]+(=\S+)?$/);
});

test('every certificate that a component is started with is made', () => {
  const made = new Set([...certificates.map((one) => one.name), 'service-account']);
  const texts = [...everyArgument, JSON.stringify(kubeletConfiguration(layout, node))];
  const used = texts.flatMap((text) => [...text.matchAll(/\/state\/certificates\/([\w-]+)\.(?:crt|key|pub)/g)]);
  expect(used.length).toBeGreaterThan(10);
  for (const match of used) expect(made).toContain(match[1]);
});

test('all that is written lies in the state, the cache or the run folder', () => {
  const paths = [...everyArgument, containerdConfiguration(node, '/usr/lib/cni', '127.0.8.1')].flatMap((text) => [
    ...text.matchAll(/[="](\/[\w./-]+)/g),
  ]);
  const outside = paths
    .map((match) => match[1] ?? '')
    .filter((path) => !/^\/(state|cache|run\/sluice-cluster)\//.test(path));
  expect(new Set(outside)).toEqual(new Set(['/usr/lib/cni']));
});

describe('certificates', () => {
  test('name the API server by every address at which it is reached', () => {
    const names = certificates.find((one) => one.name === 'apiserver')?.names;
    expect(names).toEqual(expect.arrayContaining(['IP:10.96.0.1', `IP:${node.address}`, 'DNS:kubernetes.default.svc']));
  });

  test('of clients and servers are signed by an authority and cannot sign themselves', () => {
    for (const request of certificates.filter((one) => one.usage !== 'authority')) {
      const args = opensslArguments('/c', request);
      expect(args).toEqual(
        expect.arrayContaining(['-CA', `/c/${request.authority}.crt`, 'basicConstraints=critical,CA:FALSE']),
      );
    }
  });

  test('give a kubelet the user that the Node authorizer expects', () => {
    expect(nodeCertificates(node)[0]?.subject).toBe('/O=system:nodes/CN=system:node:node-0');
  });
});

describe('the node', () => {
  test('has unix sockets short enough for the kernel', () => {
    expect(`${node.containerdSocket}.ttrpc`.length).toBeLessThan(100);
  });

  test('accepts cgroup v1 and puts its pods below a cgroup of its own', () => {
    expect(kubeletConfiguration(layout, node)).toMatchObject({
      failCgroupV1: false,
      cgroupDriver: 'cgroupfs',
      cgroupRoot: '/sluice-cluster/node-0',
    });
  });

  test('leaves the connection tracking limits of the machine alone', () => {
    expect(kubeProxyConfiguration(layout, node)).toMatchObject({ mode: 'nftables', conntrack: { maxPerCore: 0 } });
  });

  test('starts containers without a negative OOM score and without a registry', () => {
    const text = containerdConfiguration(node, '/usr/lib/cni', '127.0.8.1');
    expect(text).toContain('restrict_oom_score_adj = true');
    expect(text).toContain('sandbox_image = "docker.io/sluice/pause:1"');
  });

  test('of another index shares no folder, address or pod range with the first', () => {
    const second = nodeLayout(config, 1);
    for (const [key, value] of Object.entries(second))
      expect([key, value]).not.toEqual([key, node[key as keyof typeof node]]);
    expect(JSON.stringify(cniConfiguration(second, second.podRange))).toContain('10.244.1.0/24');
  });
});
