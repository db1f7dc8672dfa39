import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { createStandaloneStore } from '../api/kinds.ts';
import { FolderInput } from './folder-input.ts';

const channel = (name: string, more = '') => `apiVersion: sluice.dev/v1alpha1
kind: Channel
metadata:
  name: ${name}
  namespace: demo
spec:
  source:
    uri: https://media.example.org/film/index.m3u8
${more}`;

/** What is told of a fault, `FILE:LINE: FIELD: MESSAGE`. */
interface InputFault {
  readonly file: string;
  readonly line: number;
  readonly field: string;
  readonly message: string;
}

function read(told: string): InputFault {
  const [, file = '', line = '0', field = '', message = ''] =
    /^(.*?\.ya?ml)(?::(\d+))?: (?:([a-z][\w.[\]]*): (?!let it))?(.*)$/is.exec(told) ?? [];
  return { file, line: Number(line), field, message };
}

describe('a folder as input', () => {
  let folder: string;
  let store: ObjectStore;
  let input: FolderInput;
  let faults: InputFault[];
  let taken: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-input-'));
    store = createStandaloneStore(Date.now);
    faults = [];
    taken = [];
    input = new FolderInput([folder], store, (line, isFault) => {
      if (isFault) faults.push(read(line));
      else if (!line.includes('is not taken')) taken.push(line.slice(folder.length + 1));
    });
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const kind = (plural: string) => {
    const found = store.kinds.find((each) => each.plural === plural);
    if (found === undefined) throw new Error(`no ${plural}`);
    return found;
  };
  const names = (plural = 'channels') =>
    store.list(kind(plural)).map(({ metadata }) => (metadata as { name: string }).name);
  const spec = (name: string) =>
    store.get(kind('channels'), 'demo', name).spec as { delivery: object; viewers: object };

  test.each([
    ['labels: {year: 2026}', 'metadata.labels.year', 'must be a text: put numbers and true or false in quotes'],
    ['annotations: [note]', 'metadata.annotations', 'must be a map of texts'],
    ['finalizers: example.org/mine', 'metadata.finalizers', 'must be a list of texts'],
    ['ownerReferences: [null]', 'metadata.ownerReferences[0]', 'must be a list of owners'],
    ['namespace: 12', 'metadata.namespace', 'must be a text: put it in quotes'],
  ])('refuses metadata that nobody could read: %s', async (metadata, field, message) => {
    await write('a.yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, ${metadata}}\n`);
    await input.read();
    expect(faults).toEqual([expect.objectContaining({ line: 3, field, message: expect.stringContaining(message) })]);
  });

  test('takes metadata without values as left out, as Kubernetes does', async () => {
    const empty = 'namespace: , labels: , annotations: , finalizers: , ownerReferences: ';
    await write('a.yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, ${empty}}\n`);
    await input.read();
    expect([faults, taken, store.collectGarbage()]).toEqual([[], ['a.yaml: ConfigMap default/one'], 0]);
    await rm(join(folder, 'a.yaml'));
    await input.read();
    expect(names('configmaps')).toEqual([]);
  });

  test('takes every document of every YAML file, with defaults', async () => {
    await write('a.yaml', `${channel('one')}---\n${channel('two')}`);
    await write('b.yml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {token: abc}\n');
    await write('notes.md', 'no YAML: [');
    await mkdir(join(folder, 'sub.yaml'));
    await input.read();
    expect([names(), names('secrets'), faults]).toEqual([['one', 'two'], ['keys'], []]);
    expect(spec('one').viewers).toMatchObject({ heartbeatSeconds: 30 });
    expect(store.get(kind('secrets'), 'default', 'keys').data).toEqual({ token: 'YWJj' });
    expect(taken).toEqual(['a.yaml: Channel demo/one, Channel demo/two', 'b.yml: Secret default/keys']);
  });

  test('follows changes: a field that is gone is gone, so is an object, so is a file', async () => {
    await write('a.yaml', `${channel('one', '  delivery:\n    hysteresisSeconds: 5\n')}---\n${channel('two')}`);
    await write('b.yaml', channel('three'));
    await input.read();
    expect(spec('one').delivery).toMatchObject({ hysteresisSeconds: 5 });
    await write('a.yaml', channel('one'));
    await rm(join(folder, 'b.yaml'));
    await input.read();
    expect(names()).toEqual(['one']);
    expect(spec('one').delivery).toMatchObject({ hysteresisSeconds: 30 });
  });

  test('does not touch an object that moves from one file to another, or that somebody else made', async () => {
    await write('b.yaml', channel('one'));
    await input.read();
    const { uid } = store.get(kind('channels'), 'demo', 'one').metadata as { uid: string };
    store.create(
      kind('channels'),
      { ...store.get(kind('channels'), 'demo', 'one'), metadata: { name: 'by-hand', namespace: 'demo' } },
      'curl',
    );
    await rename(join(folder, 'b.yaml'), join(folder, 'a.yaml'));
    await input.read();
    expect(names()).toEqual(['by-hand', 'one']);
    expect(store.get(kind('channels'), 'demo', 'one').metadata).toMatchObject({ uid });
  });

  test.each<[string, string, Partial<InputFault>]>([
    [
      'a slip in a field',
      channel('one', '  delivery:\n    hysteresis: 5\n'),
      {
        line: 10,
        field: 'spec.delivery.hysteresis',
        message: expect.stringContaining('unknown field "spec.delivery.hysteresis"; known here: minimumMode') as never,
      },
    ],
    [
      'a value out of range',
      channel('one', '  delivery:\n    hysteresisSeconds: -1\n'),
      {
        line: 10,
        field: 'spec.delivery.hysteresisSeconds',
        message: expect.stringContaining('expected number to be >=0') as never,
      },
    ],
    [
      'a broken rule',
      channel('one', '  delivery:\n    thresholds: {proxy: 3, transcode: 3}\n'),
      {
        line: 10,
        field: 'spec.delivery.thresholds.transcode',
        message: expect.stringContaining('must be greater than delivery.thresholds.proxy') as never,
      },
    ],
    [
      'a missing source',
      channel('one').replace(/ {4}uri.*\n/, '    {}\n'),
      { line: 7, field: 'spec.source.uri', message: 'Required value' },
    ],
    ['broken YAML', `${channel('one')}  delivery: [\n`, { line: 10, field: '' }],
    [
      'text instead of an object',
      'hello\n',
      { line: 1, message: expect.stringContaining('must be an object') as never },
    ],
    [
      'an unknown kind',
      'apiVersion: v1\nkind: Potato\nmetadata: {name: a}\n',
      {
        line: 2,
        field: 'kind',
        message: expect.stringContaining(
          'Potato (v1) is not known here; known: Channel (sluice.dev/v1alpha1)',
        ) as never,
      },
    ],
    ['a name that is none', channel('Film_1'), { line: 4, field: 'metadata.name' }],
    [
      'a volume whose name leads out of the folder of its pod',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: a}]\n  volumes:\n    - {name: ../../a, emptyDir: {}}\n',
      { line: 7, field: 'spec.volumes[0].name', message: expect.stringContaining('lower-case') as never },
    ],
    [
      'a Secret whose key is no name of a file',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {good.key: a, ../bad: b}\n',
      { field: 'data', message: expect.stringContaining('"../bad"') as never },
    ],
    [
      'a Deployment whose pods would end',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {matchLabels: {a: a}}\n  template:\n    metadata: {labels: {a: a}}\n    spec:\n      restartPolicy: Never\n      containers: [{name: a, image: a}]\n',
      { line: 9, field: 'spec.template.spec.restartPolicy' },
    ],
    ['two objects of one name', `${channel('one')}---\n${channel('one')}`, { line: 13, field: 'metadata.name' }],
    [
      'aliases that explode',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [${'*b,'.repeat(20)}]\n`,
      { message: expect.stringContaining('aliases') as never },
    ],
  ])('refuses %s with line, field and remedy, and what ran goes on', async (_what, text, fault) => {
    await write('a.yaml', channel('film'));
    await input.read();
    await write('a.yaml', text);
    await input.read();
    expect(faults).toEqual([expect.objectContaining({ file: join(folder, 'a.yaml'), ...fault })]);
    expect(names()).toEqual(['film']);
    await input.read();
    expect(faults).toHaveLength(1);
  });

  test('says why a file cannot be read, and what is no UTF-8', async () => {
    await symlink(folder, join(folder, 'folder.yaml'));
    await writeFile(join(folder, 'latin.yaml'), Buffer.from([0x23, 0xe4]));
    await input.read();
    expect(faults).toMatchObject([
      { file: join(folder, 'folder.yaml'), message: expect.stringMatching(/EISDIR.*: let it be a file/) },
      { file: join(folder, 'latin.yaml'), message: expect.stringMatching(/not valid.*: let it be a file .* in UTF-8/) },
    ]);
  });

  test('refuses an object that another file has, until it is taken out there', async () => {
    await write('a.yaml', channel('one'));
    await write('b.yaml', `${channel('one')}---\n${channel('two')}`);
    await input.read();
    expect(faults).toEqual([expect.objectContaining({ message: expect.stringContaining('a.yaml already') })]);
    expect(names()).toEqual(['one']);
    await write('a.yaml', channel('three'));
    await input.read();
    expect([names(), faults.length]).toEqual([['one', 'three', 'two'], 1]);
    expect(taken.at(-1)).toBe('b.yaml: Channel demo/one, Channel demo/two');
  });

  test('leaves what somebody has changed by hand until its own file changes', async () => {
    await write('a.yaml', channel('one'));
    await input.read();
    store.update(kind('channels'), 'demo', 'one', (object) => {
      (object.spec as { delivery: { hysteresisSeconds: number } }).delivery.hysteresisSeconds = 7;
    });
    await write('b.yaml', channel('two'));
    await input.read();
    expect(spec('one').delivery).toMatchObject({ hysteresisSeconds: 7 });
  });

  test('keeps all when the folder cannot be read, and says so once', async () => {
    await write('a.yaml', channel('one'));
    await input.read();
    await rm(folder, { recursive: true });
    await expect(input.read()).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    expect(names()).toEqual(['one']);
  });

  test('is read again when a file changes', async () => {
    const stop = input.follow((message) => faults.push({ file: '', line: 0, field: '', message }));
    await write('a.yaml', channel('one'));
    const isThere = new Promise<void>((resolve) => store.onEvent(() => resolve()));
    await isThere;
    await stop();
    expect([names(), faults]).toEqual([['one'], []]);
  });
});
