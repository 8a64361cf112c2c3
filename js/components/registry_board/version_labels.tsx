import { useSignal } from '@preact/signals';
import type { Connection } from '../../connection/connection';
import type { ErrorReply, VersionRow } from '../../contract';
import { Problem } from '../problem/problem';
import { AddForm, DeleteButton, Tags } from '../tags/tags';

interface Props {
  connection: Connection;
  version: VersionRow;
  /** The version that each alias of the model names. */
  aliases: Readonly<Record<string, number>>;
  /** Reads the model again, after a change and after a refusal. */
  changed: () => Promise<void>;
}

/** The aliases and the tags of a version, and the forms that change them. */
export function VersionLabels({
  connection,
  version: { name, version, aliases: own, tags = {} },
  aliases,
  changed,
}: Props) {
  const error = useSignal<ErrorReply | null>(null);
  const setAlias = (alias: string, to: number | null) =>
    connection
      .request('set_alias', { name, alias, version: to, expected_version: aliases[alias] ?? null })
      .finally(changed);
  return (
    <div class="nbt-labels">
      <div>
        {own.length > 0 && (
          <ul class="nbt-tags" aria-label="Aliases">
            {own.map((alias) => (
              <li key={alias}>
                <span class="nbt-alias">@{alias}</span>
                <DeleteButton
                  label={`the alias ${alias}`}
                  error={error}
                  remove={async () => void (await setAlias(alias, null))}
                />
              </li>
            ))}
          </ul>
        )}
        <AddForm
          label="Add an alias"
          fields={['Alias']}
          effect={([typed]) => {
            const alias = aliasOf(typed!);
            const there = aliases[alias];
            return there && there !== version ? `@${alias} moves from version ${there} to version ${version}.` : '';
          }}
          add={async ([alias]) => void (await setAlias(aliasOf(alias!), version))}
        />
        <Problem error={error.value} />
      </div>
      <div>
        <Tags
          tags={tags}
          change={async (key, value, seen) => {
            const payload = { name, version, key, value, expected_value: seen };
            await connection.request('set_version_tag', payload).finally(changed);
          }}
        />
      </div>
    </div>
  );
}

/** Return the alias that the user has typed, with or without its @. */
function aliasOf(typed: string): string {
  return typed.trim().replace(/^@/, '');
}
