import type { ComponentChild } from 'preact';
import type { GroupRow } from '../../contract';
import { type Column, MODEL } from '../../logic/column_model';
import { formatNumber, plural, toNumber } from '../../logic/format';
import { spreadText, statisticsOfGroup, statisticText } from '../../logic/groups';
import { ValueText } from '../value/value';
import type { CellContext } from './cell';

/**
 * Return the content of a cell in the row of a group. Of a metric it is the mean with its standard deviation, or the
 * statistic that the groups are sorted by. Of a param it is the value, if all runs of the group have the same.
 */
export function groupContent(group: GroupRow, column: Column, context: CellContext): ComponentChild {
  if (column.kind === 'param') {
    const differing = group.differing[column.key];
    return differing === undefined ? (
      <ValueText value={group.params[column.key]} />
    ) : (
      <span class="nbt-muted">{plural(differing, 'value')}</span>
    );
  }
  const all = statisticsOfGroup(group, column);
  if (!all || column.key === MODEL) {
    return null;
  }
  const { statistic } = context;
  if (column.kind === 'run') {
    return statistic === 'n' ? all.n : statisticText(all, statistic, true);
  }
  if (statistic === 'n' || statistic === 'std') {
    return statistic === 'n' ? all.n : all.std === null ? null : `±${formatNumber(all.std)}`;
  }
  const isLast = column.statistic === 'last';
  const bestMean = context.bestMeans.get(column.key);
  const isBest =
    context.bestGroups.get(column.key) === group.key ||
    (bestMean !== undefined && all.mean !== null && toNumber(all.mean) === toNumber(bestMean));
  const isBaseline = context.baseline?.kind === 'group' && context.baseline.id === group.key;
  return (
    <ValueText
      value={all[statistic]}
      metric
      best={isLast && statistic === 'mean' && isBest}
      bestTitle="Best mean of all groups"
      baseline={statistic === 'mean' && !isBaseline ? context.baseline?.value(column) : null}
      lowerIsBetter={context.lower.has(column.key)}
    >
      {statistic === 'mean' && all.std !== null && <span class="nbt-std">±{spreadText(all.std)}</span>}
    </ValueText>
  );
}
