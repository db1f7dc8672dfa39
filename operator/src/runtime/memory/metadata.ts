import type { FieldFault } from './answer.ts';
import { isObject, type JsonObject } from './fields.ts';

/** Names and namespaces are parts of paths and URLs (RFC 1123 subdomain). */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const NAME_REMEDY = 'use lower-case letters, digits and dashes, with a letter or digit at both ends';

const isText = (value: unknown) => typeof value === 'string';
const isTexts = (value: unknown) => isObject(value) && Object.values(value).every(isText);
const isList = (isItem: (item: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(isItem);

/** Fields that everybody reads without a look at their shape (meta/v1 ObjectMeta). */
const SHAPES = {
  labels: [isTexts, 'must be a map of texts: put numbers and true or false in quotes'],
  annotations: [isTexts, 'must be a map of texts: put numbers and true or false in quotes'],
  finalizers: [isList(isText), 'must be a list of texts'],
  ownerReferences: [
    isList((item) => isObject(item) && isText(item.uid)),
    'must be a list of owners, each with its uid',
  ],
} as const;

/** What is wrong with the metadata of an object. @param namespaced whether its kind is in namespaces */
export function metadataFaults(metadata: JsonObject, namespaced: boolean): FieldFault[] {
  const { name, namespace } = metadata;
  const names = Object.entries({ name, ...(namespaced ? { namespace } : {}) });
  const bad = names.filter(([, text]) => typeof text !== 'string' || !NAME.test(text));
  const misnamed = bad.map(([field, text]) => {
    const shown = typeof text === 'string' ? text : (JSON.stringify(text) ?? '');
    const remedy = typeof text === 'number' ? `put it in quotes, and ${NAME_REMEDY}` : NAME_REMEDY;
    return { path: `metadata.${field}`, message: `"${shown}" is no name: ${remedy}` };
  });
  const misshapen = Object.entries(SHAPES).flatMap(([field, [isRight, message]]) => {
    return metadata[field] === undefined || isRight(metadata[field]) ? [] : [{ path: `metadata.${field}`, message }];
  });
  return [...misnamed, ...misshapen];
}
