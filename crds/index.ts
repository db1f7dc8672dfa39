/** The API of Sluice: schemas, types and names of its kinds. */
export * from './channel.ts';
export * from './channel-status.ts';
export * from './conditions.ts';
export * from './gpu.ts';
export * from './group.ts';
export * from './metadata.ts';
export * from './mode.ts';
export * from './stream-session.ts';
export * from './workload.ts';
