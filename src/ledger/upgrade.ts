/**
 * Records of older versions, as this one has them. Version 0.1.0 went by other rules, so nothing that it
 * knew is a proof: who edits is unknown, and all of it is in doubt (`docs/settlement.md` 11.4).
 */
import type { Verdict } from '../settlement/event.js'
import { emptyDocument, type Command, type DocumentState, type Save } from '../settlement/state.js'

/** What version 0.1.0 wrote of a document, as far as it is taken over. */
interface OlderState extends Pick<
  DocumentState,
  'turn' | 'sequence' | 'joined' | 'joinedAt' | 'ref' | 'session' | 'touchedAt'
> {
  readonly commands: readonly (Omit<Command, 'kind' | 'at'> & { kind: Command['kind'] | 'nudge' })[]
  readonly saves: readonly (Omit<Save, 'messages'> &
    Partial<Pick<Save, 'messages'>> & { readonly staleBy?: string })[]
}

export function upgradeState(older: OlderState): DocumentState {
  const { turn, sequence, joined, joinedAt, ref, session, touchedAt } = older
  return {
    ...emptyDocument,
    ...{ turn, sequence, joined, joinedAt, touchedAt },
    ...(ref === undefined ? {} : { ref }),
    ...(session === undefined ? {} : { session }),
    doubt: { turn, why: 'ledger-lost' },
    commands: older.commands.flatMap((command) => upgradeCommand(command, touchedAt)),
    saves: older.saves.map(({ staleBy, ...save }) => ({
      ...save,
      messages: save.messages ?? [],
      ...(staleBy === undefined ? {} : { within: staleBy }),
    })),
  }
}

/** Nobody waits for a nudge. */
function upgradeCommand(
  { kind, ...command }: OlderState['commands'][number],
  at: number,
): readonly Command[] {
  const { id, turn, deadline, userdata, answer, settled } = command
  if (kind === 'nudge') return []
  return [
    {
      ...{ id, kind, turn, at },
      ...(deadline === undefined ? {} : { deadline }),
      ...(userdata === undefined ? {} : { userdata }),
      ...(answer === undefined ? {} : { answer }),
      ...(settled === undefined ? {} : { settled }),
      // Its turn says nothing to the rules of today.
      again: true,
    },
  ]
}

/** A verdict that was inferred is not certain by the rules of today. */
export function upgradeVerdict(older: Verdict): Verdict {
  const rule: unknown = older.rule // a number in version 0.1.0
  const verdict = { ...older, rule: String(rule) }
  return 'certain' in verdict ? { ...verdict, certain: false, doubt: 'ledger-lost' } : verdict
}
