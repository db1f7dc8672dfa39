import type { ChannelStates } from '../channel/state.ts';
import type { EdgeRoster } from '../edge-roster.ts';
import type { LinkHub } from '../link/hub.ts';
import type { OwnerReports } from '../link/reports.ts';
import type { Reconcile } from '../runtime/controller/controller.ts';
import { createEdgeScaleReconcile, type EdgeScaleOptions } from './controller.ts';
import { type DutySources, dutiesOf } from './duties.ts';
import type { EdgeScaleSettings } from './settings.ts';

/** The parts of an operator that the number of edge pods has to do with. */
export interface EdgeScalerParts extends Omit<EdgeScaleOptions, 'settings' | 'edges' | 'duties' | 'book'> {
  readonly edgeScale?: EdgeScaleSettings | null;
  readonly roster: EdgeRoster;
  readonly states: ChannelStates;
  readonly reports: OwnerReports;
  readonly book: EdgeScaleOptions['book'] & DutySources['book'];
  readonly hub: LinkHub;
}

/** The reconciliation of the edges' Deployment; null where the number of edge pods is somebody else's. */
export function createEdgeScaler(parts: EdgeScalerParts): Reconcile | null {
  const { edgeScale, roster } = parts;
  if (edgeScale === undefined || edgeScale === null) return null;
  return createEdgeScaleReconcile({
    ...parts,
    settings: edgeScale,
    edges: () => roster.edges,
    duties: (edges) => dutiesOf(edges, parts),
  });
}
