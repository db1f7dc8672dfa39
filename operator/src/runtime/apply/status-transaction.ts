import type { Client, KubernetesObject, ResourceType, WrittenObject } from '../client/client.ts';
import { type ApplyOutcome, applyStatusIfChanged, type WithStatus } from './apply.ts';
import { type ConditionFinding, type TimedCondition, timedConditions } from './conditions.ts';

/** What a status is about and who writes it. */
export interface StatusTransactionOptions<T extends KubernetesObject> {
  readonly type: ResourceType<T>;
  /** The object as the cache knows it. */
  readonly object: WithStatus;
  readonly fieldManager: string;
  /** Milliseconds since the epoch, for conditions that change. */
  readonly nowMilliseconds: number;
  /**
   * Gets the object as the API server has it after a write. Whether there is anything to write is judged by the cache:
   * one that does not show the last write yet would make a way back look needless (createWrittenVersions).
   */
  readonly onWritten?: (object: WrittenObject) => void;
}

/**
 * One reconcile's view of a status: fields and conditions are collected while it works, and written at its end in one
 * call, or not at all where nothing differs. So nobody ever sees half of a status, a reconcile costs one write at most,
 * and one that throws before {@link commit} leaves the status as it was.
 */
export interface StatusTransaction {
  /** Sets fields of the status, or a status that was built as a whole; `undefined` leaves one out, and so removes it. */
  set(fields: Readonly<Record<string, unknown>>): void;
  /** Sets a condition; the last word on a type counts. */
  condition(finding: ConditionFinding): void;
  /**
   * Writes the whole status: what was not set is removed. Only this very object is written to, never a successor of its
   * name.
   * @throws ApiError `Conflict` where the object is gone or replaced
   */
  commit(client: Pick<Client, 'applyStatus'>): Promise<ApplyOutcome>;
}

/** Begins with an empty status; nothing is written before {@link StatusTransaction.commit}. */
export function beginStatus<T extends KubernetesObject>(options: StatusTransactionOptions<T>): StatusTransaction {
  const { type, object, fieldManager, nowMilliseconds, onWritten } = options;
  const { name, namespace, uid, generation } = object.metadata;
  const fields: Record<string, unknown> = {};
  const findings = new Map<string, ConditionFinding>();
  return {
    set: (more) => void Object.assign(fields, more),
    condition: (finding) => void findings.set(finding.type, finding),
    commit(client) {
      const conditions = timedConditions(
        [...findings.values()],
        conditionsOf(object),
        generation ?? 0,
        nowMilliseconds,
      );
      const configuration = {
        apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}`,
        kind: type.kind,
        metadata: { name, namespace, uid },
        status: {
          ...(generation === undefined ? {} : { observedGeneration: generation }),
          ...fields,
          ...(conditions.length === 0 ? {} : { conditions }),
        },
      };
      return applyStatusIfChanged(client, type, object, configuration, fieldManager, onWritten);
    },
  };
}

/** The object's conditions, if it has readable ones. */
function conditionsOf({ status }: WithStatus): readonly TimedCondition[] {
  const conditions = typeof status === 'object' && status !== null && 'conditions' in status ? status.conditions : [];
  return Array.isArray(conditions) ? conditions.filter(isTimed) : [];
}

function isTimed(condition: unknown): condition is TimedCondition {
  return (
    typeof condition === 'object' &&
    condition !== null &&
    'type' in condition &&
    'lastTransitionTime' in condition &&
    typeof condition.lastTransitionTime === 'string'
  );
}
