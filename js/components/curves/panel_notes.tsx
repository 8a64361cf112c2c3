import type { Line } from '../../chart/layers';
import { MOST_BANDS } from '../../chart/plot';
import type { Band, PanelView } from '../../contract';
import type { Frame } from '../../data/curves';
import { MOST_MEMBERS } from '../../data/group_curves';
import { grouped, plural } from '../../logic/format';
import type { Drawn } from './drawn_lines';

const MOST_NOTES = 3;
const BANDS_OF_GROUPS: Readonly<Record<Band, string>> = {
  none: '',
  range: 'The bands reach from the lowest to the highest value of any run.',
  std: 'The bands are the mean plus and minus the standard deviation of the runs.',
  sem: 'The bands are the mean plus and minus the standard error.',
};

interface Props extends Drawn, Pick<Frame, 'x_metric' | 'range'> {
  band: Band;
  /** Whether each line has one point. */
  areSingle: boolean;
  /** Whether the means of groups are drawn. */
  ofGroups: boolean;
  /** Why selected groups are not drawn: a notebook has not saved them, or another metric is on the x axis. */
  notDrawn: 'saved' | 'x_metric' | null;
  /** Whether the groups have more runs than are drawn behind them. */
  hasMoreMembers: boolean;
  change: (fields: Partial<PanelView>) => void;
}

/** What has to be said below a chart of curves. */
export function PanelNotes(props: Props) {
  const { lines, counts, missing, x_metric, range, band, areSingle, ofGroups, notDrawn, hasMoreMembers, change } =
    props;
  return (
    <div class="nbt-chart-notes" aria-live="polite">
      {missing.slice(0, MOST_NOTES).map((text) => (
        <span key={text}>{text}</span>
      ))}
      {areSingle && range === null && (
        <span>
          Each curve is a single point.{' '}
          <button type="button" class="nbt-link nbt-show-bars" onClick={() => change({ kind: 'bars' })}>
            Show as bars
          </button>
        </span>
      )}
      {counts.drawn < counts.total && (
        <span>
          Drawn: {grouped(counts.drawn)} means of {plural(counts.total, 'point')}.
          {lines.length <= MOST_BANDS &&
            band !== 'none' &&
            !ofGroups &&
            ' The bands reach from the lowest to the highest value.'}
        </span>
      )}
      {ofGroups && lines.length > 0 && (
        <span>
          The mean of a group counts each of its runs once.{' '}
          {lines.some(endsEarly) && 'Some runs end earlier, so the last means are of fewer runs. '}
          {BANDS_OF_GROUPS[band]}
        </span>
      )}
      {hasMoreMembers && <span>The curves of the first {grouped(MOST_MEMBERS)} runs of the groups are drawn.</span>}
      {notDrawn === 'saved' && <span>The curves of groups are not kept in a saved notebook.</span>}
      {notDrawn === 'x_metric' && (
        <span>
          Groups are not drawn over another metric, because their runs reach its values at different steps.{' '}
          <button
            type="button"
            class="nbt-link"
            onClick={() => change({ x_metric: null, x_axis: 'step', x_min: null, x_max: null })}
          >
            Draw over steps
          </button>
        </span>
      )}
      {x_metric !== null && counts.joined !== null && (
        <span>
          Joined to {x_metric} by step, and drawn in its order: {grouped(counts.joined)} of{' '}
          {plural(counts.joinable, 'point')}.
        </span>
      )}
    </div>
  );
}

/** Return whether the last mean of a group is over fewer runs than another one before it. */
function endsEarly({ counted, count }: Line): boolean {
  return (
    counted === 'run' && count != null && count.length > 0 && count.at(-1)! < count.reduce((a, b) => Math.max(a, b))
  );
}
