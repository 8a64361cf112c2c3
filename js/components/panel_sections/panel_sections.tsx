import { useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import type { Panel, PanelsView } from '../../contract';
import { grouped, ofAll, plural } from '../../logic/format';
import { matching, openAtFirst, type Section as Panels, sectionsOf } from '../../logic/sections';

/** With more panels there is a field that finds them by name. */
const MOST_WITHOUT_SEARCH = 8;
/** How many panels of a section are shown until the user asks for all of them. */
const MOST_SHOWN = 12;

interface Props {
  panels: readonly Panel[];
  /** Which sections the user has opened or folded, by name. */
  open: PanelsView['open'];
  change: (open: PanelsView['open']) => void;
  /** Return the component of a panel. It gets the title of the panel as its key. */
  draw: (panel: Panel) => ComponentChild;
  /** What stands beside the search. */
  children?: ComponentChild;
}

/** The panels of a run in sections by the prefix of their metrics. Sections fold, and a search finds panels by name. */
export function PanelSections({ panels, open, change, draw, children }: Props) {
  const search = useSignal('');
  const isSearched = search.value.trim() !== '';
  const found = matching(panels, search.value);
  const sections = sectionsOf(found);
  const atFirst = openAtFirst(sectionsOf(panels));
  const hasSearch = panels.length > MOST_WITHOUT_SEARCH || isSearched;
  return (
    <div class="nbt-panel-sections">
      {(hasSearch || children) && (
        <div class="nbt-controls nbt-panel-controls">
          {hasSearch && (
            <>
              <input
                type="search"
                class="nbt-input nbt-panel-search"
                aria-label="Search metrics"
                placeholder="Search metrics"
                value={search.value}
                onInput={(event) => (search.value = event.currentTarget.value)}
              />
              <span class="nbt-muted" role="status">
                {isSearched ? ofAll(found.length, panels.length, 'chart') : plural(panels.length, 'chart')}
              </span>
            </>
          )}
          {children}
        </div>
      )}
      {isSearched && found.length === 0 && <p class="nbt-empty">No metric has this in its name.</p>}
      {sections.map((section) => (
        <Section
          key={section.name}
          section={section}
          isAlone={sections.length === 1 && !isSearched}
          isOpen={isSearched || (open[section.name] ?? atFirst.has(section.name))}
          change={(isOpen) => change({ ...open, [section.name]: isOpen })}
          draw={draw}
        />
      ))}
    </div>
  );
}

interface SectionProps {
  section: Panels;
  /** Whether it is the only section, which has no heading. */
  isAlone: boolean;
  isOpen: boolean;
  change: (isOpen: boolean) => void;
  draw: (panel: Panel) => ComponentChild;
}

function Section({ section: { name, panels }, isAlone, isOpen, change, draw }: SectionProps) {
  const all = useSignal(false);
  const shown = all.value ? panels : panels.slice(0, MOST_SHOWN);
  return (
    <section aria-label={name}>
      {!isAlone && <FoldButton title={name} count={panels.length} isOpen={isOpen} change={change} />}
      {(isOpen || isAlone) && (
        <>
          <div class="nbt-panels">{shown.map(draw)}</div>
          {panels.length > MOST_SHOWN && (
            <p class="nbt-more">
              <button type="button" class="nbt-link" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
                {all.value ? `Show only ${MOST_SHOWN} charts` : `Show all ${plural(panels.length, 'chart')}`}
              </button>
            </p>
          )}
        </>
      )}
    </section>
  );
}

interface FoldProps {
  title: string;
  /** How many items it has. */
  count?: number;
  isOpen: boolean;
  change: (isOpen: boolean) => void;
}

/** The heading of a part of a screen, which folds it. */
export function FoldButton({ title, count, isOpen, change }: FoldProps) {
  return (
    <h4 class="nbt-fold">
      <button type="button" aria-expanded={isOpen} onClick={() => change(!isOpen)}>
        <span class="nbt-fold-mark" aria-hidden="true">
          {isOpen ? '▾' : '▸'}
        </span>
        <span class="nbt-fold-title">{title}</span>
        {count !== undefined && <span class="nbt-muted">{grouped(count)}</span>}
      </button>
    </h4>
  );
}
