import type { Hello } from '@lorica/protocol'
import type { Member, Roster } from './roster.js'

/** A connected agent as it can be chosen: with the labels that it has now. */
export interface Available {
  readonly agentId: string
  readonly name: string
  readonly labels: Member['labels']
  readonly hello: Hello
}

/** The connected agents that have data and are not cordoned, by name. */
export function availableAgents({
  roster,
  ledger,
}: {
  readonly roster: Pick<Roster, 'eligible'>
  readonly ledger: { member(agentId: string): Member | undefined }
}): readonly Available[] {
  return roster.eligible().flatMap(({ agentId, name, hello, labels }) => {
    const member = ledger.member(agentId)
    return member?.isCordoned === true ? [] : [{ agentId, name, hello, labels: member?.labels ?? labels }]
  })
}
