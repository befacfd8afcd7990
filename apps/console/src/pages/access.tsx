import { iMay } from '../net/me.js'
import { Head } from '../parts/head.js'
import { OperatorsPanel } from './operators.js'
import { TrustPanels } from './trust.js'

/** Who may operate the fleet, and who may sign for it. */
export function AccessPage() {
  return (
    <>
      <Head
        title="Access"
        note="Who may operate this fleet, and whose signature makes agents take a release. Who may join is on the page of the fleet."
      />
      {iMay('name-operators') ? (
        <OperatorsPanel />
      ) : (
        <p class="soft">Who else may operate this fleet, an admin sees and says.</p>
      )}
      <TrustPanels />
    </>
  )
}
