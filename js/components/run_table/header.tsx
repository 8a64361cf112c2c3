import { nextOrder, type Order } from '../../logic/order';

interface HeaderProps {
  title: string;
  column: string | null;
  order: Order | null;
  sort: (order: Order) => void;
  class: string;
}

/** A column header. A click sorts by the column, if it has one. */
export function Header({ title, column, order, sort, class: name }: HeaderProps) {
  if (column === null) {
    return (
      <th class={name} scope="col" title={title}>
        {title}
      </th>
    );
  }
  const sorted = order?.column === column ? (order.descending ? 'descending' : 'ascending') : 'none';
  return (
    <th class={name} scope="col" aria-sort={sorted} data-column={column}>
      <button type="button" class="nbt-sort" title={`Sort by ${title}`} onClick={() => sort(nextOrder(order, column))}>
        <span class="nbt-sort-title">{title}</span>
        <span class="nbt-sort-mark" aria-hidden="true">
          {sorted === 'none' ? '' : sorted === 'ascending' ? '▲' : '▼'}
        </span>
      </button>
    </th>
  );
}
