import { useSignal } from '@preact/signals';
import type { Connection } from '../../connection/connection';
import { formatNumber, grouped, plural } from '../../logic/format';
import { shorten } from '../../logic/shorten';
import { styleColumn, type ValueStyle, valueKey } from '../../logic/value_styles';
import type { QueryState } from '../../state/query';
import type { Selection } from '../../state/selection';
import type { StyleValues } from '../../state/style_values';
import { SCALE_STEPS } from '../../style/theme';
import { ColumnPicker } from '../column_picker/column_picker';
import { useGroupColumns } from '../column_picker/use_group_columns';
import { LineStyle } from '../line_style/line_style';
import { StyleButton, useStyledLine } from '../line_style/style_button';
import { Problem } from '../problem/problem';
import { Swatch } from '../swatch/swatch';

/** How many values are listed at first. */
const FIRST = 8;
const LONGEST = 28;

/** The ID of the choice that gives each run a style of its own. */
const OWN = '';

interface Props {
  connection: Connection;
  query: QueryState;
  selection: Selection;
  values: StyleValues;
}

/** Chooses the column whose values give runs their color and dash, and says which value has which. */
export function ColorBy({ connection, query, selection, values }: Props) {
  const columns = useGroupColumns(connection, query);
  const styleBy = selection.styleBy.value;
  const chosen = styleBy === null ? null : styleColumn(styleBy);
  return (
    <section class="nbt-color-by" aria-label="Colors of the runs">
      <span class="nbt-muted">Color by</span>
      {connection.live ? (
        <ColumnPicker
          label={chosen === null ? 'run…' : `${shorten(chosen.key, LONGEST)}…`}
          title="Color runs by"
          choices={[{ id: OWN, name: 'each run has its own', kind: 'Runs' }, ...columns.choices]}
          chosen={chosen?.column ?? OWN}
          choose={(id) => selection.colorBy(id === OWN ? null : id)}
          search={(words) => void columns.load(words)}
        />
      ) : (
        <span>{chosen === null ? 'run' : shorten(chosen.key, LONGEST)}</span>
      )}
      {chosen !== null && <ValueLegend selection={selection} />}
      <Problem error={columns.error ?? values.error.value} />
    </section>
  );
}

/** The values with their colors and dashes, which can be changed, or the scale of many numbers. */
function ValueLegend({ selection }: { selection: Selection }) {
  const all = useSignal(false);
  const styled = useStyledLine();
  const styles = selection.valueStyles.value;
  if (styles === null) {
    return null;
  }
  const { entries, scale } = styles;
  const missing = entries.find(({ value }) => value === null);
  if (scale) {
    const steps = Array.from({ length: SCALE_STEPS }, (_, i) => `var(--nbt-s${i})`);
    return (
      <span class="nbt-color-scale">
        {formatNumber(scale.low)}
        <span
          class="nbt-color-ramp"
          role="img"
          aria-label={`Colors from ${formatNumber(scale.low)} to ${formatNumber(scale.high)}`}
          style={{ background: `linear-gradient(to right, ${steps.join(', ')})` }}
        />
        {formatNumber(scale.high)}
        {scale.log && <span class="nbt-muted">log scale</span>}
        {missing && (
          <>
            <Swatch slot={missing.slot} />
            <span class="nbt-muted">no value ({grouped(missing.runs)})</span>
          </>
        )}
      </span>
    );
  }
  const nameOf = ({ value }: ValueStyle) => (value === null ? 'no value' : value === '' ? '(empty)' : value);
  const shown = all.value ? entries : entries.slice(0, FIRST);
  const changed = entries.find(({ value }) => valueKey(value) === styled.id.value);
  return (
    <>
      <ul class="nbt-color-values" aria-label="Values and their colors" ref={styled.list}>
        {shown.map((entry) => {
          const key = valueKey(entry.value);
          return (
            <li key={key} title={nameOf(entry)}>
              {entry.value === null ? (
                <Swatch slot={entry.slot} />
              ) : (
                <StyleButton styled={styled} id={key} label={nameOf(entry)} slot={entry.slot} />
              )}
              <span class={entry.value === null ? 'nbt-muted' : ''}>{shorten(nameOf(entry), LONGEST)}</span>
              <span class="nbt-muted">{grouped(entry.runs)}</span>
            </li>
          );
        })}
      </ul>
      {entries.length > FIRST && (
        <button type="button" class="nbt-link" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? `Name only ${FIRST}` : `Name all ${plural(entries.length, 'value')}`}
        </button>
      )}
      {changed && changed.value !== null && (
        <LineStyle
          key={styled.id.value}
          label={nameOf(changed)}
          slot={changed.slot}
          change={(slot) => selection.setValueStyle(changed.value!, slot)}
          reset={selection.isChosen(changed.value) ? () => selection.setValueStyle(changed.value!, null) : undefined}
          close={styled.close}
        />
      )}
    </>
  );
}
