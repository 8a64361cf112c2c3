import type { Panel } from '../contract';

/** Panels whose titles begin with the same word before a slash. */
export interface Section {
  name: string;
  panels: readonly Panel[];
}

/** The name of the section of panels that share no prefix with another one. */
export const WITHOUT_PREFIX = 'Metrics';
/** How many panels are open in all, until the user opens more. */
const MOST_OPEN = 12;

/** Return panels by the prefix of their titles. Those that have a prefix of their own are in the first section. */
export function sectionsOf(panels: readonly Panel[]): Section[] {
  const byPrefix = new Map<string, Panel[]>();
  for (const panel of panels) {
    const prefix = prefixOf(panel.title);
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), panel]);
  }
  const alone = panels.filter(({ title }) => prefixOf(title) === '' || byPrefix.get(prefixOf(title))!.length === 1);
  const others = [...byPrefix].filter(([prefix, members]) => prefix !== '' && members.length > 1);
  return [
    ...(alone.length > 0 ? [{ name: WITHOUT_PREFIX, panels: alone }] : []),
    ...others.map(([name, members]) => ({ name, panels: members })),
  ];
}

function prefixOf(title: string): string {
  return title.slice(0, Math.max(0, title.indexOf('/')));
}

/** Return the panels that have a string in their title or in the name of a metric, in any case. */
export function matching(panels: readonly Panel[], search: string): readonly Panel[] {
  const wanted = search.trim().toLowerCase();
  const has = (name: string) => name.toLowerCase().includes(wanted);
  return wanted === '' ? panels : panels.filter(({ title, keys }) => has(title) || keys.some(has));
}

/** Return the names of the sections that are open at first: as many as have few panels together, and always one. */
export function openAtFirst(sections: readonly Section[]): Set<string> {
  const open = new Set<string>();
  let count = 0;
  for (const { name, panels } of sections) {
    count += panels.length;
    if (open.size > 0 && count > MOST_OPEN) {
      break;
    }
    open.add(name);
  }
  return open;
}
